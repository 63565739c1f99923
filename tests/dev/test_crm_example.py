"""The check of the CRM example says equal when the numbers are, and finds a number that is not."""

import csv
import random
from datetime import date, timedelta
from pathlib import Path

from dev.examples.crm import verify
from domain.pipeline.importing import import_files
from domain.pipeline.mapping import plan
from tests.conftest import MakeOrg

MAPPING = Path(verify.__file__).parent / "mapping.toml"
AGENTS = ["Ines Dorn", "Jon Ebbe", "Kim Gray"]


def write(folder: Path) -> None:
    """An extract of 120 opportunities over 2017, made from a seed; Kim Gray sells nothing."""
    dice = random.Random(7)
    (folder / "sales_teams.csv").write_text(
        "sales_agent,manager,regional_office\n" + "".join(f"{agent},Otto Falk,North\n" for agent in AGENTS)
    )
    (folder / "products.csv").write_text("product,sales_price\nGTX Pro,4800\nMG Special,55\n")
    with (folder / "sales_pipeline.csv").open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(
            "opportunity_id sales_agent product account deal_stage engage_date close_date close_value".split()
        )
        for i in range(120):
            stage = dice.choice(["Won", "Won", "Lost", "Engaging", "Prospecting"])
            engaged = date(2016, 11, 1) + timedelta(days=dice.randrange(400))
            closed = min(engaged + timedelta(days=dice.randrange(120)), date(2017, 12, 31))
            open_now, unknown = stage in ("Engaging", "Prospecting"), stage == "Prospecting"
            rows.writerow(
                [
                    *(f"OP{i}", dice.choice(AGENTS[:2]), dice.choice(["GTXPro", "MG Special"]), "Kappa", stage),
                    "" if unknown else f"{engaged:%m/%d/%Y}",
                    "" if open_now else f"{closed:%m/%d/%Y}",
                    "" if open_now else dice.randrange(10_000) if stage == "Won" else 0,
                ]
            )


async def test_what_was_imported_is_what_the_file_says_and_a_changed_file_is_found_out(
    make_org: MakeOrg, tmp_path: Path
) -> None:
    work = await make_org()
    write(tmp_path)
    await import_files(work, plan(MAPPING), tmp_path)
    computed = verify.from_csv(tmp_path)
    said = await verify.from_attain(work, AGENTS)
    assert sum(numbers.revenue > 0 for numbers in computed.values()) == 8
    assert verify.compare(said, computed)[1] == 0

    pipeline = tmp_path / "sales_pipeline.csv"
    lines = pipeline.read_text().splitlines()
    won = next(i for i, line in enumerate(lines) if ",Won," in line and line.split(",")[6].endswith("/2017"))
    pipeline.write_text("\n".join([*lines[:won], lines[won] + "1", *lines[won + 1 :]]) + "\n")
    assert verify.compare(said, verify.from_csv(tmp_path))[1] == 1
    assert verify.compare({}, computed)[1] == 12
