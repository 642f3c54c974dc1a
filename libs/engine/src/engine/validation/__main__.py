"""`python -m engine.validation ORACLES.json [SEED …]`: the engine against closed forms, with seeds of your choice."""

import sys
from pathlib import Path

from engine.validation.suite import check_all


def main(arguments: list[str]) -> int:
    path, seeds = Path(arguments[0]), [int(a) for a in arguments[1:]] or [1]
    misses = total = 0
    for seed in seeds:
        for check in check_all(path, seed):
            sys.stdout.write(f"seed {seed}  {check}\n")
            total, misses = total + 1, misses + (not check.is_inside)
    sys.stdout.write(
        f"{total - misses} of {total} inside the 99 % interval; {0.01 * total:.1f} misses expected by chance\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
