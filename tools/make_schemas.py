#!/usr/bin/env python3
"""Write docs/schemas/: the JSON Schema of every document that ntc reads or writes.

`--check` compares them with the files instead, and names those that differ.
"""

import argparse
import json
import sys
from pathlib import Path

from pydantic import BaseModel

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from ntc import reports  # noqa: E402
from ntc.batch.plan import LibraryPlan  # noqa: E402
from ntc.batch.report import LibraryReport  # noqa: E402
from ntc.format.metadata import Metadata  # noqa: E402
from ntc.gltf.report import EXTENSION, GltfReport, MaterialTextures  # noqa: E402
from ntc.viewer import documents  # noqa: E402

SCHEMAS = ROOT / "docs" / "schemas"
MODELS: dict[str, type[BaseModel]] = {
    "metadata": Metadata,
    "compress": reports.CompressReport,
    "dry_run": reports.DryRunReport,
    "decompress": reports.DecompressReport,
    "export": reports.ExportReport,
    "compare": reports.CompareReport,
    "info": reports.InfoReport,
    "validate": reports.ValidateReport,
    "system": reports.SystemReport,
    "plan": LibraryPlan,
    "report": LibraryReport,
    "gltf": GltfReport,
    EXTENSION: MaterialTextures,
    "view_session": documents.SessionReport,
    "view_maps": documents.MapsReport,
    "view_tiles": documents.TilesReport,
    "view_error": documents.ErrorReport,
    "view_fit_request": documents.FitRequest,
    "view_fit_log": documents.FitLog,
    "view_fit_event": documents.FitEvent,
}


def schema_text(name: str, model: type[BaseModel]) -> str:
    """The file for a model, with a final line break."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"{name}.json"}
    return json.dumps(head | model.model_json_schema(), indent=2) + "\n"


def stale(folder: Path) -> list[str]:
    """Names of schemas that are missing in a folder or differ from the code."""
    texts = {name: schema_text(name, model) for name, model in MODELS.items()}
    paths = {name: folder / f"{name}.json" for name in MODELS}
    return [n for n, p in paths.items() if not p.exists() or p.read_text("utf-8") != texts[n]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    if parser.parse_args().check:
        for name in (names := stale(SCHEMAS)):
            print(f"docs/schemas/{name}.json is stale: run tools/make_schemas.py", file=sys.stderr)
        return 1 if names else 0
    SCHEMAS.mkdir(parents=True, exist_ok=True)
    for name, model in MODELS.items():
        (SCHEMAS / f"{name}.json").write_text(schema_text(name, model), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
