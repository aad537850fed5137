"""The page that ships is what its sources build to.

`NTC_EXPECT_VITE=1` promises `npm install` in viewer/.
"""

import os
import subprocess
from pathlib import Path
from shutil import which

from conftest import missing

ROOT = Path(__file__).resolve().parents[1]
VIEWER, BUILT = ROOT / "viewer", ROOT / "ntc" / "viewer" / "web"


def test_the_built_page_is_up_to_date(tmp_path: Path) -> None:
    vite = VIEWER / "node_modules" / "vite" / "bin" / "vite.js"
    node = which("node")
    if node is None or not vite.exists():
        missing("vite is not installed in viewer/", "NTC_EXPECT_VITE")
    for name in ("web", "three"):  # it holds them as they are compiled
        program = ROOT / "engines" / name / "build.mjs"
        if subprocess.run([node, program], capture_output=True).returncode:
            missing(f"{program} cannot be run", "NTC_EXPECT_VITE")
    target = tmp_path / "web"
    environment = os.environ | {"NTC_WEB": str(target)}
    subprocess.run(
        [node, vite, "build"], cwd=VIEWER, env=environment, check=True, capture_output=True
    )
    found = {path.name: path.read_bytes() for path in target.iterdir()}
    assert found == {path.name: path.read_bytes() for path in BUILT.iterdir()}
    assert not any(path.stat().st_size > 1 << 20 for path in BUILT.iterdir())
