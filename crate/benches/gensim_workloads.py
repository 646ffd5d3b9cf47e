"""The workload in gensim: the other side of `workloads/word_vectors.rs`."""

from gensim.models import Word2Vec
from safetensors.numpy import load_file

DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class SkipGram:
    """Five epochs of skip-gram on one thread, the vocabulary included. The figure is the share of
    weekdays among the six nearest words of each weekday."""

    least_steps = 1

    def start_from(self, path):
        data = load_file(path)
        words = bytes(data["words"]).decode().split()
        ends = data["lengths"].cumsum()
        self.sentences = [words[end - length : end] for end, length in zip(ends, data["lengths"])]

    def step(self):
        model = Word2Vec(self.sentences, vector_size=32, window=5, min_count=3, negative=5, sg=1, epochs=5, workers=1)
        nearest = [word for day in DAYS for word, _ in model.wv.most_similar(day, topn=6)]
        return sum(word in DAYS for word in nearest) / len(nearest)

    @classmethod
    def agrees(cls, ours, theirs):
        """No worse, but for a few words that chance decides."""
        return ours >= theirs - 0.05


WORKLOADS = {"skip_gram": SkipGram}
