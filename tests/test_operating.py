import re
from pathlib import Path

from settings import Settings


def test_the_guide_lists_every_setting_as_it_is() -> None:
    guide = (Path(__file__).parent.parent / "docs" / "operating.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(ATTAIN_\w+)` \| (.*?) \| (.*?) \|$", guide, re.MULTILINE)
    assert listed == [
        (f"ATTAIN_{name.upper()}", "" if field.default in ("", None) else f"`{field.default}`", field.description)
        for name, field in Settings.model_fields.items()
    ]
