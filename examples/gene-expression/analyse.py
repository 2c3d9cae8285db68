"""Which genes tell the kinds of blood cells apart? 700 cells, 765 genes.

    python analyse.py cells.h5ad RESULTS

It is written as such things are: the report is headed by who made it and from when the data are,
genes are sorted for readers, cells are drawn again in parallel, a set is printed. Bare, the results
depend on who runs it where; packed, they do not.

Data: a sample of 10x Genomics' "Fresh 68k PBMC" (Zheng et al., Nature Communications 8, 14049,
2017), as the Python package scanpy ships it.
"""

import getpass
import locale
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from scipy import cluster, sparse, stats

DRAWS = 40
SEED = 20_171_016


def read(path: str) -> tuple[pd.DataFrame, pd.Series]:
    """Return the expression (cells by genes, log scale) and the kind of each cell."""
    with h5py.File(path) as file:
        raw = file["raw.X"]
        parts = (raw["data"][:], raw["indices"][:], raw["indptr"][:])
        values = sparse.csr_matrix(parts, shape=raw.attrs["h5sparse_shape"]).toarray()
        genes = [name.decode() for name in file["raw.var"]["index"]]
        kinds = [name.decode() for name in file["uns/bulk_labels_categories"]]
        cells = [name.decode() for name in file["obs"]["index"]]
        labels = [kinds[code] for code in file["obs"]["bulk_labels"]]
    table = pd.DataFrame(values.astype(np.float64), index=cells, columns=genes)
    return table, pd.Series(labels, index=cells, name="kind")


def markers(table: pd.DataFrame, kinds: pd.Series) -> pd.DataFrame:
    """Return Welch's t and the adjusted p of each gene, for each kind against all others."""
    rows = []
    for kind in sorted(kinds.unique()):
        here = kinds == kind
        found = stats.ttest_ind(table[here], table[~here], equal_var=False)
        adjusted = stats.false_discovery_control(np.nan_to_num(found.pvalue, nan=1.0))
        part = pd.DataFrame({"gene": table.columns, "t": found.statistic, "adjusted_p": adjusted})
        rows.append(part.assign(kind=kind).nlargest(5, "t"))
    return pd.concat(rows)


def stability(table: pd.DataFrame, workers: int) -> np.ndarray:
    """Return how the components' spread varies when cells are drawn again, in parallel."""
    values = table[table.var().nlargest(60).index].to_numpy()
    chunks = np.array_split(np.arange(DRAWS), workers)
    seeds = np.random.SeedSequence(SEED).spawn(workers)

    def draw(chunk: np.ndarray, seed: np.random.SeedSequence) -> np.ndarray:
        random = np.random.default_rng(seed)
        total = np.zeros(5)
        for _number in chunk:
            sample = values[random.integers(0, len(values), len(values))]
            centred = sample - sample.mean(axis=0)
            total += np.linalg.eigvalsh(centred.T @ centred)[-5:][::-1] / len(values)
        return total

    with ThreadPoolExecutor(workers) as pool:
        return sum(pool.map(draw, chunks, seeds), np.zeros(5)) / DRAWS


def main(data: str, results: str) -> None:
    """Write markers.csv, tree.csv and report.txt."""
    locale.setlocale(locale.LC_ALL, "")
    workers = int(os.environ.get("OMP_NUM_THREADS") or len(os.sched_getaffinity(0)))
    where = Path(results)
    where.mkdir(parents=True, exist_ok=True)
    table, kinds = read(data)
    found = markers(table, kinds)
    found.to_csv(where / "markers.csv", index=False)
    means = table.groupby(kinds).mean()
    tree = cluster.hierarchy.linkage(means.to_numpy(), "average", metric="correlation")
    pd.DataFrame(tree).to_csv(where / "tree.csv", index=False)
    lines = [
        f"made by {getpass.getuser()}",
        f"data of {time.strftime('%c %Z', time.localtime(Path(data).stat().st_mtime))}",
        f"genes: {', '.join(sorted(set(found['gene']), key=locale.strxfrm))}",
        f"kinds: {set(kinds)}",
        f"spread: {', '.join(locale.str(one) for one in stability(table, workers))}",
    ]
    (where / "report.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:3])
