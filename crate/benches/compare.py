"""The crate against PyTorch and scikit-learn on the CPU: the same workloads, interleaved on the same
machine.

    pip install -r requirements.txt
    python compare.py --check                     both sides compute the same losses or scores
    python compare.py                             step times with 1 and with 2 threads
    python compare.py --only vae,lstm --threads 1 --seconds 10 --assert 1.0
    python compare.py --write                     and write RESULTS.md, or only the rows of --only

Every contender is a process that waits for its turn: all take turns in rounds, so that a busy or
throttled machine slows all of them, and what is compared are ratios within a round. A turn gives
the median time of its steps. A ratio below 1 means that the crate is faster.
"""

import argparse
import datetime
import functools
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import gensim_workloads as gensim
import scikit_learn_workloads as scikit_learn
import torchvision_workloads as torchvision
from pytorch_workloads import WORKLOADS

HERE = Path(__file__).resolve().parent
# They start from data that the crate wrote.
ON_DATA = scikit_learn.WORKLOADS | torchvision.WORKLOADS | gensim.WORKLOADS
NAMES = [*WORKLOADS, *ON_DATA]
ROUNDS = 5
CHECKED_STEPS = 5
OURS, PYTORCH, TUNED, AVX2, PORTABLE = "cuaderno", "PyTorch", "PyTorch tuned", "AVX2", "portable"

# What channels-last, fused optimisers and fused batch norms (`--tuned`) need beside themselves:
# freed memory is kept, where glibc by default returns each large buffer to the system.
MALLOC = {"MALLOC_MMAP_THRESHOLD_": str(1 << 30), "MALLOC_TRIM_THRESHOLD_": str(1 << 32), "MALLOC_TOP_PAD_": str(1 << 26)}
# The same for the crate's allocator, and one thread for candle's own sums, as the notebook engine
# has it.
ENGINE = {"MIMALLOC_PURGE_DELAY": "-1", "CANDLE_NUM_THREADS": "1"}


class Contender:
    """A process that has built one workload and runs it on request."""

    def __init__(self, command, environment):
        self.process = subprocess.Popen(
            command,
            env=os.environ | environment,
            cwd=HERE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        while self.answer() != ["ready"]:
            pass  # which data set it read

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{' '.join(map(str, self.process.args))}: stopped without an answer")
        return line.split()

    def ask(self, command, argument):
        self.process.stdin.write(f"{command} {argument}\n")
        self.process.stdin.flush()
        return self.answer()

    def run(self, seconds):
        """The median milliseconds of a step."""
        return float(self.ask("run", seconds)[0])

    def losses(self, steps):
        return [float(loss) for loss in self.ask("losses", steps)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()


def ours(name, threads, level=None):
    program = workloads_program(avx512=level is None)
    command = [program, name, *(["--level", level] if level else [])]
    return Contender(command, ENGINE | {"RAYON_NUM_THREADS": str(threads)})


@functools.cache
def workloads_program(avx512=True):
    """Build the crate's side, whole or without any AVX-512, and return where it is."""
    build = ["cargo", "build", "--example", "workloads", "--message-format", "json-render-diagnostics"]
    if not avx512:
        folder = HERE.parents[1] / "target" / "without-avx512"
        build += ["--package", "cuaderno", "--no-default-features", "--target-dir", folder]
    messages = subprocess.run(build, cwd=HERE.parents[1], check=True, stdout=subprocess.PIPE, text=True).stdout
    built = [json.loads(message).get("executable") for message in messages.splitlines()]
    return next(executable for executable in built if executable)


def pytorch(name, threads, *options):
    command = [sys.executable, HERE / "pytorch_workloads.py", name, "--threads", str(threads), *options]
    return Contender(command, MALLOC if "--tuned" in options else {})


def check(name):
    """Both sides from the same weights, batch and noise, or data: their losses or scores must agree."""
    theirs = ON_DATA.get(name)
    steps = 1 if theirs else CHECKED_STEPS
    with tempfile.TemporaryDirectory() as folder:
        start = Path(folder) / "start.safetensors"
        with ours(name, 1) as crate:
            crate.ask("export", start)
            with pytorch(name, 1, "--start", start) as torch:
                pairs = list(zip(crate.losses(steps), torch.losses(steps)))
    errors = [abs(a - b) / abs(b) for a, b in pairs]
    if theirs:
        agree = theirs.agrees(*pairs[0])
    else:
        # Each step's rounding errors go on growing through the next ones.
        agree = all(error < 1e-5 * 2**step for step, error in enumerate(errors))
    print(f"{name:16} {'same' if agree else 'DIFFERENT'}")
    other = "scikit-learn" if name in scikit_learn.WORKLOADS else "gensim" if name in gensim.WORKLOADS else PYTORCH
    for step, ((a, b), error) in enumerate(zip(pairs, errors)):
        print(f"  step {step}: {OURS} {a:.7g}, {other} {b:.7g}, relative difference {error:.1e}")
    return agree


def measure(name, threads, seconds):
    """Milliseconds of each contender in each round."""
    if name in ON_DATA:
        return measure_on_data(name, threads, seconds)
    contenders = {
        OURS: ours(name, threads),
        PYTORCH: pytorch(name, threads),
        TUNED: pytorch(name, threads, "--tuned"),
        AVX2: ours(name, threads, "avx2"),
        PORTABLE: ours(name, threads, "portable"),
    }
    return take_turns(contenders, seconds)


def measure_on_data(name, threads, seconds):
    """The same against scikit-learn, torchvision or gensim, whose times depend on the data."""
    with tempfile.TemporaryDirectory() as folder:
        start = Path(folder) / "start.safetensors"
        contenders = {OURS: ours(name, threads)}
        contenders[OURS].ask("export", start)
        contenders[PYTORCH] = pytorch(name, threads, "--start", start)
        contenders[AVX2] = ours(name, threads, "avx2")
        contenders[PORTABLE] = ours(name, threads, "portable")
        return take_turns(contenders, seconds)


def take_turns(contenders, seconds):
    # Warm up with the least number of steps. Where one takes longer than all rounds should, it counts.
    times = {label: [contender.run(0)] for label, contender in contenders.items()}
    rounds = 1
    if max(first for [first] in times.values()) < 1000 * seconds:
        times = {label: [] for label in contenders}
        rounds = ROUNDS
    for _ in range(rounds):
        for label, contender in contenders.items():
            times[label].append(contender.run(seconds / ROUNDS))
    for contender in contenders.values():
        contender.__exit__()
    return times


def ratios(times, a, b):
    return sorted(x / y for x, y in zip(times[a], times[b]))


HEADER = [
    "workload",
    f"{OURS}, ms",
    f"{PYTORCH}, ms",
    "ratio (min–max)",
    "to PyTorch tuned",
    "AVX2 to PyTorch",
    "portable to PyTorch",
    "measured",
]


def row(name, times):
    to_pytorch = ratios(times, OURS, PYTORCH)
    return [
        name,
        f"{statistics.median(times[OURS]):.2f}",
        f"{statistics.median(times[PYTORCH]):.2f}",
        f"{statistics.median(to_pytorch):.2f} ({to_pytorch[0]:.2f}–{to_pytorch[-1]:.2f})",
        f"{statistics.median(ratios(times, OURS, TUNED)):.2f}" if TUNED in times else "",
        f"{statistics.median(ratios(times, AVX2, PYTORCH)):.2f}",
        f"{statistics.median(ratios(times, PORTABLE, PYTORCH)):.2f}",
        f"{datetime.date.today()}, {processor()}",
    ]


def line(cells):
    return "| " + " | ".join(f"{cell:{len(head)}}" for cell, head in zip(cells, ["workload        ", *HEADER[1:]])) + " |"


def processor():
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def written_before():
    """The rows of RESULTS.md by workload, for each number of threads."""
    tables = {1: {}, 2: {}}
    for text in (HERE / "RESULTS.md").read_text().splitlines():
        if text.startswith("## "):
            rows = tables[int(text.split()[1])]
        elif text.startswith("| ") and not text.startswith(f"| {HEADER[0]}"):
            cells = [cell.strip() for cell in text.strip("| ").split("|")]
            rows[cells[0]] = cells
    return tables


def write_results(tables, seconds):
    """What was measured now, and of other workloads what was measured before."""
    known = written_before()
    for threads, rows in tables.items():
        known[threads] |= {row[0]: row for row in rows}
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    text = f"""# Step times against PyTorch and scikit-learn

Written by `compare.py --write`: do not edit.

- {os.cpu_count()} processors, {platform.system()}; {rustc}; PyTorch {importlib.metadata.version("torch")}, scikit-learn {importlib.metadata.version("scikit-learn")},
  Python {platform.python_version()}
- {ROUNDS} rounds of {seconds / ROUNDS:g} s a contender; medians. A ratio below 1 means that the crate is faster. Each row was
  measured on its own day and machine.
- {", ".join(scikit_learn.WORKLOADS)}: scikit-learn stands in the place of PyTorch, which has none of them.
- {", ".join(gensim.WORKLOADS)}: five epochs on 10,000 generated sentences by gensim {importlib.metadata.version("gensim")},
  which has one thread here whatever the table says, as the crate has.
- {", ".join(torchvision.WORKLOADS)}: 60,000 images of MNIST by torchvision, one after another.
- *Tuned*: channels-last images, fused optimisers, batch norms fused into convolutions, memory kept by malloc.
- *AVX2*: the crate built without AVX-512. *Portable*: the same with its kernels held to what every
  x86-64 has; the matrix products of the `gemm` crate stay on AVX2.
"""
    for threads, by_name in known.items():
        rows = [by_name[name] for name in NAMES if name in by_name]
        text += f"\n## {threads} thread{'s' if threads > 1 else ''}\n\n"
        text += "\n".join([line(HEADER), "|" + "|".join("---" for _ in HEADER) + "|", *map(line, rows)]) + "\n"
    (HERE / "RESULTS.md").write_text(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="NAME", help=f"some of {', '.join(NAMES)}, separated by commas")
    parser.add_argument("--threads", type=int, metavar="N", help="only with N threads instead of 1 and 2")
    parser.add_argument("--seconds", type=float, default=5.0, metavar="S", help="for each contender (default 5)")
    parser.add_argument("--assert", type=float, dest="limit", metavar="MAX", help="fail if a median ratio is above MAX")
    parser.add_argument("--check", action="store_true", help="compare losses and scores instead of times")
    parser.add_argument("--write", action="store_true", help="write RESULTS.md")
    options = parser.parse_args()
    names = options.only.split(",") if options.only else NAMES
    if unknown := set(names) - set(NAMES):
        parser.error(f"no workload is named {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")

    workloads_program()
    if options.check:
        sys.exit(0 if all([check(name) for name in names]) else 1)

    tables, slow = {}, []
    for threads in [options.threads] if options.threads else [1, 2]:
        print(f"\n{threads} thread{'s' if threads > 1 else ''}\n{line(HEADER)}")
        tables[threads] = []
        for name in names:
            times = measure(name, threads, options.seconds)
            tables[threads].append(row(name, times))
            print(line(tables[threads][-1]), flush=True)
            ratio = statistics.median(ratios(times, OURS, PYTORCH))
            if options.limit is not None and ratio > options.limit:
                slow.append(f"{name} with {threads} threads: {ratio:.2f}")
    if options.write:
        write_results(tables, options.seconds)
    if slow:
        sys.exit(f"above {options.limit}: {'; '.join(slow)}")


if __name__ == "__main__":
    main()
