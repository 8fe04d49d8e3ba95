"""How long `exciton app` takes to answer a slider: from the move to the numbers, the diagram and the surfaces.

    python tests/benchmarks/app_answer.py

Starter job, carriers alone (the pair would follow behind), a real headless Chromium on the same machine.
"""

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from browser import Browser

MOVES = (
    ("structure.shells[0].thickness_nm", 0.7),
    ("structure.core.edge_nm", 9.0),
    ("alignment.ZnS.electron_barrier_eV", 0.1),
    ("materials.CsPbBr3.hole_mass", 0.2),
    ("structure.shells[0].thickness_nm", 1.5),
    ("alignment.ZnS.hole_barrier_eV", 0.6),
    ("structure.core.edge_nm", 12.0),
    ("alignment.ZnS.electron_barrier_eV", 0.4),
    ("materials.CsPbBr3.electron_mass", 0.15),
)
TIMED = """
const [key, value, done] = arguments;
const now = () => [document.querySelector("tbody").innerText, document.querySelector("img").src,
                   document.body.dataset.drawn];
const before = now(), start = performance.now(), seen = [0, 0, 0];
const slider = document.querySelector(`[data-key="${key}"]`);
slider.value = value;
slider.dispatchEvent(new Event("input"));
const look = () => {
  now().forEach((state, i) => { if (!seen[i] && state !== before[i]) seen[i] = performance.now() - start; });
  if (seen.every((time) => time)) done(seen); else setTimeout(look, 4);
};
look();
"""
DONE = "document.querySelector('[data-answers]')?.innerText === 'all is computed'"


def main() -> None:
    command = [sys.executable, "-m", "exciton", "app", "--no-browser", "--set", "exciton.level=none"]
    with tempfile.TemporaryDirectory() as folder, subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as app:
        page = Browser(Path(folder))
        try:
            page.driver.set_script_timeout(60)
            page.open(app.stdout.readline().strip())
            page.wait(f"document.body.dataset.drawn && {DONE}", 60)
            times = []
            for key, value in MOVES:
                numbers, diagram, surfaces = page.driver.execute_async_script(TIMED, key, value)
                times.append((numbers, max(numbers, diagram, surfaces)))
                print(f"{key} = {value}: numbers {numbers:.0f} ms, all {times[-1][1]:.0f} ms", flush=True)
                page.wait(DONE, 60)
            for what, column in zip(("numbers", "all"), zip(*times)):
                print(f"median, {what}: {statistics.median(column):.0f} ms")
        finally:
            page.close()
            app.terminate()


if __name__ == "__main__":
    main()
