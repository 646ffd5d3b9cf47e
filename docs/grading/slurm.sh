#!/usr/bin/env bash
# sbatch docs/grading/slurm.sh, in a folder with release.json and submissions/. Afterwards:
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
