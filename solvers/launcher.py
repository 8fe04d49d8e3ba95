"""Who started us: what mpiexec and its kin say in the environment, read without MPI and without NumPy."""

import os

# the number of ranks, and which of them we are; each pair is of one family of launchers
FAMILIES = (
    ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"),
    ("PMI_SIZE", "PMI_RANK"),
    ("MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_RANK"),
    ("PALS_SIZE", "PALS_RANKID"),
    ("SLURM_STEP_NUM_TASKS", "SLURM_PROCID"),  # of srun's step; a batch script has SLURM_NTASKS, and is one process
)


def launched() -> tuple[int, int]:
    """How many ranks the launcher says that there are, and which one this is; (1, 0) if no launcher started us."""
    for ranks, rank in FAMILIES:
        if os.environ.get(ranks, "").isdigit() and os.environ.get(rank, "").isdigit():
            if ranks.startswith("SLURM") and not any(name.startswith("PMI") for name in os.environ):
                continue  # `srun` without MPI: a plain shell in a step
            return int(os.environ[ranks]), int(os.environ[rank])
    return 1, 0
