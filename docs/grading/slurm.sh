#!/usr/bin/env bash
# Build the checkout on a disk that all nodes see (cargo build --bins && cargo build --lib), and put
# its target/debug, which holds `cuaderno`, into PATH. Then, in a folder with release.json and
# submissions/, with CUADERNO for the path of the checkout; the first line builds once what all jobs
# would build at the same time:
#   PATH="CUADERNO/target/debug:$PATH" cuaderno grade prepare --release release.json
#   PATH="CUADERNO/target/debug:$PATH" sbatch CUADERNO/docs/grading/slurm.sh
# Afterwards, in the checkout, with the paths of that folder:
# cargo cuaderno grades merge grades-* --release release.json --roster roster.csv
#SBATCH --job-name=grade
#SBATCH --array=0-15
#SBATCH --cpus-per-task=2
#SBATCH --mem=8G
#SBATCH --time=04:00:00
set -euo pipefail
# Status 3: some have no score, which `merge` says again.
part="$SLURM_ARRAY_TASK_ID"
cuaderno grade --release release.json submissions --out "grades-$part" --jobs 1 \
    --partition "$part/$SLURM_ARRAY_TASK_COUNT" || [ $? -eq 3 ]
