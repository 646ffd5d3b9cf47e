"""The workloads in scikit-learn: the other side of `workloads/classic.rs`, name by name.

Each `step()` returns the figure by which the two sides are compared.
"""

from safetensors.numpy import load_file
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.neighbors import KNeighborsClassifier


class Workload:
    """Works on the data that the crate wrote."""

    least_steps = 1
    # How far apart the figures of the two sides may be, as a part of scikit-learn's.
    tolerance = 0.0

    def start_from(self, path):
        self.data = load_file(path)

    @classmethod
    def agrees(cls, ours, theirs):
        return abs(ours - theirs) <= cls.tolerance * abs(theirs)


class Pca(Workload):
    """With the default solver, which for many rows of few columns is `covariance_eigh`."""

    tolerance = 1e-4  # scikit-learn sums 60,000 products in f32

    def step(self):
        pca = PCA(32)
        pca.fit_transform(self.data["x"])
        return pca.explained_variance_ratio_.sum()


class Knn(Workload):
    tolerance = 2e-4  # as many ties of two classes as in 2 of 10,000 queries

    def step(self):
        knn = KNeighborsClassifier(10, n_jobs=1).fit(self.data["x"], self.data["labels"])
        return (knn.predict(self.data["queries"]) == self.data["query_labels"]).mean()


class Tsne(Workload):
    tolerance = 0.02

    def step(self):
        tsne = TSNE(perplexity=30, init="pca", random_state=6202)
        tsne.fit_transform(self.data["x"])
        return tsne.kl_divergence_

    @classmethod
    def agrees(cls, ours, theirs):
        """A lower divergence is a better map."""
        return ours <= (1 + cls.tolerance) * theirs


WORKLOADS = {"pca": Pca, "knn": Knn, "tsne": Tsne}
