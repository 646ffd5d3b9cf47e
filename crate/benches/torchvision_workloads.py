"""The workload in torchvision: the other side of `workloads/augmentation.rs`."""

import torch
from safetensors.torch import load_file
from torchvision.transforms import InterpolationMode, RandomAffine


class Augmentation:
    """Image by image, as a data set with a `transform` does: a transform of a batch would draw one
    angle for all of it."""

    least_steps = 1
    tolerance = 5e-3  # the mean of 60,000 images, each changed at random

    def start_from(self, path):
        self.images = load_file(path)["x"]
        self.transform = RandomAffine(
            15, translate=(2 / 28, 2 / 28), scale=(0.9, 1.1), interpolation=InterpolationMode.BILINEAR
        )

    def step(self):
        return torch.stack([self.transform(image) for image in self.images]).mean()

    @classmethod
    def agrees(cls, ours, theirs):
        return abs(ours - theirs) <= cls.tolerance * abs(theirs)


WORKLOADS = {"augmentation": Augmentation}
