import re
from importlib import import_module
from pathlib import Path

from prometheus_client import REGISTRY

from settings import Settings

GUIDE = (Path(__file__).parent.parent / "docs" / "operating.md").read_text(encoding="utf-8")


def test_the_guide_lists_every_setting_as_it_is() -> None:
    listed = re.findall(r"^\| `(ATTAIN_\w+)` \| (.*?) \| (.*?) \|$", GUIDE, re.MULTILINE)
    assert listed == [
        (f"ATTAIN_{name.upper()}", "" if field.default in ("", None) else f"`{field.default}`", field.description)
        for name, field in Settings.model_fields.items()
    ]


def test_the_guide_lists_every_metric() -> None:
    for module in ("api.metrics", "workers.metrics"):
        import_module(module)
    listed = re.findall(r"^\| `(attain_\w+)` \| (?:API|worker|both) \|", GUIDE, re.MULTILINE)
    ours = (metric for metric in REGISTRY.collect() if metric.name.startswith("attain_"))
    assert sorted(listed) == sorted(m.name + "_total" * (m.type == "counter") for m in ours)
