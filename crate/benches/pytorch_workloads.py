"""The workloads in PyTorch: the other side of `workloads/`, name by name.

Run by `compare.py` as a server that speaks the same lines, for those of scikit-learn, torchvision and gensim too:

    python pytorch_workloads.py NAME --threads N [--tuned] [--start FILE]
"""

import argparse
import statistics
import sys
import time

import gensim_workloads as gensim
import scikit_learn_workloads as scikit_learn
import torch
import torch.nn.functional as F
import torchvision_workloads as torchvision
from safetensors.torch import load_file
from threadpoolctl import threadpool_limits
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision import models as torchvision_models


class Workload:
    """A model, what it is trained on, and its optimiser. `step()` returns the loss."""

    least_steps = 3

    def __init__(self, model, optimiser, inputs, targets=None, noise=None):
        self.model, self.optimiser = model, optimiser
        self.inputs, self.targets = inputs, targets
        # The sampling noise of each step, or none to draw it.
        self.noise = noise

    def loss(self):
        raise NotImplementedError

    def step(self):
        self.optimiser.zero_grad()
        loss = self.loss()
        loss.backward()
        self.optimiser.step()
        return loss

    def start_from(self, path):
        """Take the weights, batch and noise that the other side wrote."""
        tensors = load_file(path)
        inputs, targets = tensors.pop("batch.inputs"), tensors.pop("batch.targets")
        self.inputs = inputs.to(self.inputs.dtype).view_as(self.inputs)
        if self.targets is not None:
            self.targets = targets.to(self.targets.dtype).view_as(self.targets)
        if "noise" in tensors:
            self.noise = iter(tensors.pop("noise"))
        tensors = {self.their_name(name): tensor for name, tensor in tensors.items()}
        missing, unexpected = self.model.load_state_dict(tensors, strict=False)
        missing = [name for name in missing if not name.endswith("num_batches_tracked")]
        assert not missing and not unexpected, f"missing {missing}, unexpected {unexpected}"

    def their_name(self, name):
        """What PyTorch calls the crate's parameter of that name."""
        return name

    def next_noise(self, like):
        return torch.randn_like(like) if self.noise is None else next(self.noise)


def named(**layers):
    """A `Sequential` whose parameters are named as in the crate: `encoder.weight`."""
    model = nn.Sequential()
    for name, layer in layers.items():
        model.add_module(name, layer)
    return model


def gaussian_kl(mean, log_variance):
    return -0.5 * (1 + log_variance - mean.pow(2) - log_variance.exp()).sum(1).mean()


class MlpAutoencoder(Workload):
    def __init__(self, options):
        model = named(encoder=nn.Linear(784, 32), code=nn.Sigmoid(), decoder=nn.Linear(32, 784))
        super().__init__(model, adam(model, 1e-3, options), torch.rand(32, 784))

    def loss(self):
        return F.binary_cross_entropy_with_logits(self.model(self.inputs), self.inputs)


class Vae(Workload):
    def __init__(self, options):
        model = nn.ModuleDict(
            {
                "encoder": nn.Linear(784, 400),
                "mean": nn.Linear(400, 20),
                "log_variance": nn.Linear(400, 20),
                "hidden": nn.Linear(20, 400),
                "decoder": nn.Linear(400, 784),
            }
        )
        super().__init__(model, adam(model, 1e-3, options), torch.rand(128, 784))

    def loss(self):
        m = self.model
        hidden = F.relu(m["encoder"](self.inputs))
        mean, log_variance = m["mean"](hidden), m["log_variance"](hidden)
        z = mean + self.next_noise(mean) * torch.exp(0.5 * log_variance)
        logits = m["decoder"](F.relu(m["hidden"](z)))
        pixels = F.binary_cross_entropy_with_logits(logits, self.inputs) * 784
        return pixels + gaussian_kl(mean, log_variance)


class ConvVae(Workload):
    def __init__(self, options):
        down, up, leaky = nn.Conv2d, nn.ConvTranspose2d, lambda: nn.LeakyReLU(0.01)
        encoder = named(
            conv1=down(1, 32, 3, 1, 1),
            leaky1=leaky(),
            conv2=down(32, 64, 3, 2, 1),
            leaky2=leaky(),
            conv3=down(64, 64, 3, 2, 1),
            leaky3=leaky(),
            conv4=down(64, 64, 3, 1, 1),
            leaky4=leaky(),
            flatten=nn.Flatten(),
        )
        decoder = named(
            hidden=nn.Linear(2, 3136),
            reshape=nn.Unflatten(1, (64, 7, 7)),
            conv1=up(64, 64, 3, 1, 1),
            leaky1=leaky(),
            conv2=up(64, 64, 3, 2, 1, 1),
            leaky2=leaky(),
            conv3=up(64, 32, 3, 2, 1, 1),
            leaky3=leaky(),
            pixels=up(32, 1, 3, 1, 1),
        )
        mean, log_variance = nn.Linear(3136, 2), nn.Linear(3136, 2)
        model = nn.ModuleDict(
            {"encoder": encoder, "mean": mean, "log_variance": log_variance, "decoder": decoder}
        )
        images = torch.rand(32, 1, 28, 28)
        if options.tuned:
            model, images = channels_last(model), channels_last(images)
        super().__init__(model, adam(model, 1e-4, options), images)

    def loss(self):
        m = self.model
        features = m["encoder"](self.inputs)
        mean, log_variance = m["mean"](features), m["log_variance"](features)
        z = mean + self.next_noise(mean) * torch.exp(0.5 * log_variance)
        logits = m["decoder"](z)
        pixels = F.binary_cross_entropy_with_logits(logits, self.inputs) * 784
        return pixels + gaussian_kl(mean, log_variance)


class MnistCnn(Workload):
    def __init__(self, options):
        model = named(
            conv1=nn.Conv2d(1, 32, 3),
            relu1=nn.ReLU(),
            conv2=nn.Conv2d(32, 32, 3),
            relu2=nn.ReLU(),
            pool=nn.MaxPool2d(2),
            conv3=nn.Conv2d(32, 2, 3),
            relu3=nn.ReLU(),
            flatten=nn.Flatten(),
            hidden=nn.Linear(200, 50),
            relu4=nn.ReLU(),
            digits=nn.Linear(50, 10),
        )
        images = torch.rand(256, 1, 28, 28)
        if options.tuned:
            model, images = channels_last(model), channels_last(images)
        optimiser = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9, fused=options.tuned or None)
        super().__init__(model, optimiser, images, torch.randint(0, 10, (256,)))

    def loss(self):
        return F.cross_entropy(self.model(self.inputs), self.targets)


class Tagger(Workload):
    """A recurrent layer of 100 units over 128 sentences of 75 words, frozen embeddings, 18 tags."""

    def __init__(self, layer, options):
        self.recurrent = layer(32, 100, batch_first=True)
        model = nn.ModuleDict(
            {
                "embedding": nn.Embedding(1000, 32),
                "recurrent": self.recurrent,
                "tags": nn.Linear(200 if self.recurrent.bidirectional else 100, 18),
            }
        )
        model["embedding"].weight.requires_grad_(False)
        words, tags = torch.randint(0, 1000, (128, 75)), torch.randint(0, 18, (128, 75))
        super().__init__(model, adam(model, 1e-3, options), words, tags)

    def their_name(self, name):
        layer, _, parameter = name.rpartition(".")
        suffixes = {"recurrent": "_l0", "recurrent.forward": "_l0", "recurrent.backward": "_l0_reverse"}
        return f"recurrent.{parameter}{suffixes[layer]}" if layer in suffixes else name

    def loss(self):
        states, _ = self.recurrent(self.model["embedding"](self.inputs))
        return F.cross_entropy(self.model["tags"](states).flatten(0, 1), self.targets.flatten())


class Fcn(Workload):
    def __init__(self, options):
        down, up = nn.Conv2d, nn.ConvTranspose2d
        layers = {}

        def block(name, convolution, inputs, outputs):
            layers[f"{name}a"] = convolution(inputs, outputs, 3, 1, 1)
            layers[f"{name}a_relu"] = nn.ReLU()
            layers[f"{name}b"] = convolution(outputs, outputs, 3, 1, 1)
            layers[f"{name}b_relu"] = nn.ReLU()

        block("down1", down, 3, 32)
        layers["pool1"] = nn.MaxPool2d(2)
        block("down2", down, 32, 64)
        layers["pool2"] = nn.MaxPool2d(2)
        block("down3", down, 64, 128)
        layers["upsample1"] = nn.Upsample(scale_factor=2)
        block("up1", up, 128, 64)
        layers["upsample2"] = nn.Upsample(scale_factor=2)
        block("up2", up, 64, 32)
        model = named(**layers, mask=up(32, 1, 3, 1, 1))
        images, masks = torch.rand(8, 3, 128, 128), (torch.rand(8, 1, 128, 128) > 0.5).float()
        if options.tuned:
            model, images, masks = channels_last(model), channels_last(images), channels_last(masks)
        optimiser = torch.optim.RMSprop(model.parameters(), 1e-3, alpha=0.9, eps=1e-7)
        super().__init__(model, optimiser, images, masks)

    def loss(self):
        return F.binary_cross_entropy_with_logits(self.model(self.inputs), self.targets)


class BasicBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))) + shortcut)

    def fuse(self):
        self.conv1, self.bn1 = fuse_conv_bn_eval(self.conv1, self.bn1), nn.Identity()
        self.conv2, self.bn2 = fuse_conv_bn_eval(self.conv2, self.bn2), nn.Identity()
        if self.downsample is not None:
            self.downsample = fuse_conv_bn_eval(*self.downsample)


class ResNet18(Workload):
    """Inference; the "loss" is the mean square of the logits."""

    def __init__(self, options):
        model = named(
            conv1=nn.Conv2d(3, 64, 7, 2, 3, bias=False),
            bn1=nn.BatchNorm2d(64),
            relu=nn.ReLU(),
            maxpool=nn.MaxPool2d(3, 2, 1),
            layer1=nn.Sequential(BasicBlock(64, 64, 1), BasicBlock(64, 64, 1)),
            layer2=nn.Sequential(BasicBlock(64, 128, 2), BasicBlock(128, 128, 1)),
            layer3=nn.Sequential(BasicBlock(128, 256, 2), BasicBlock(256, 256, 1)),
            layer4=nn.Sequential(BasicBlock(256, 512, 2), BasicBlock(512, 512, 1)),
            avgpool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            fc=nn.Linear(512, 1000),
        ).eval()
        images = torch.rand(8, 3, 224, 224)
        if options.tuned:
            for block in model.modules():
                if isinstance(block, BasicBlock):
                    block.fuse()
            model.conv1, model.bn1 = fuse_conv_bn_eval(model.conv1, model.bn1), nn.Identity()
            model, images = channels_last(model), channels_last(images)
        super().__init__(model, None, images)

    def step(self):
        with torch.inference_mode():
            return self.model(self.inputs).pow(2).mean()


class FinetuneResNet18(Workload):
    """All before `layer3` frozen, its batch norms too."""

    def __init__(self, options):
        model = torchvision_models.resnet18(num_classes=10)
        for name, parameter in model.named_parameters():
            parameter.requires_grad = name.startswith(("layer3", "layer4", "fc"))
        for frozen in (model.bn1, model.layer1, model.layer2):
            frozen.eval()
        images = torch.rand(8, 3, 224, 224)
        if options.tuned:
            model, images = channels_last(model), channels_last(images)
        trained = [p for p in model.parameters() if p.requires_grad]
        optimiser = torch.optim.SGD(trained, 1e-3, momentum=0.9, fused=options.tuned or None)
        super().__init__(model, optimiser, images, torch.randint(10, (8,)))

    def loss(self):
        return F.cross_entropy(self.model(self.inputs), self.targets)


class Depthwise(Workload):
    def __init__(self, options):
        model = named(
            three=nn.Conv2d(144, 144, 3, 1, 1, groups=144, bias=False),
            five=nn.Conv2d(144, 144, 5, 2, 2, groups=144, bias=False),
        )
        images = torch.rand(8, 144, 56, 56)
        if options.tuned:
            model, images = channels_last(model), channels_last(images)
        optimiser = torch.optim.SGD(model.parameters(), 1e-3, fused=options.tuned or None)
        super().__init__(model, optimiser, images)

    def loss(self):
        return self.model(self.inputs).pow(2).mean()


def channels_last(x):
    return x.to(memory_format=torch.channels_last)


def adam(model, learning_rate, options):
    trained = [p for p in model.parameters() if p.requires_grad]
    return torch.optim.Adam(trained, learning_rate, fused=options.tuned or None)


WORKLOADS = {
    "mlp_autoencoder": MlpAutoencoder,
    "vae": Vae,
    "conv_vae": ConvVae,
    "mnist_cnn": MnistCnn,
    "lstm": lambda options: Tagger(nn.LSTM, options),
    "gru": lambda options: Tagger(nn.GRU, options),
    "bilstm": lambda options: Tagger(lambda *a, **k: nn.LSTM(*a, **k, bidirectional=True), options),
    "fcn": Fcn,
    "resnet18": ResNet18,
    "finetune_resnet18": FinetuneResNet18,
    "depthwise": Depthwise,
}


def serve(workload):
    """Answer `run SECONDS` with the median milliseconds of a step, `losses N` with N losses."""
    print("ready", flush=True)
    for line in sys.stdin:
        command, argument = line.split()
        if command == "run":
            times = []
            end = time.perf_counter() + float(argument)
            while len(times) < workload.least_steps or time.perf_counter() < end:
                start = time.perf_counter()
                workload.step()
                times.append(1e3 * (time.perf_counter() - start))
            print(statistics.median(times), flush=True)
        elif command == "losses":
            print(*[workload.step().item() for _ in range(int(argument))], flush=True)
        else:
            sys.exit(f"{command}: expected run or losses")


ON_DATA = scikit_learn.WORKLOADS | torchvision.WORKLOADS | gensim.WORKLOADS


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=[*WORKLOADS, *ON_DATA])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--tuned", action="store_true")
    parser.add_argument("--start")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(6202)
    if options.name in ON_DATA:
        threadpool_limits(options.threads)
        workload = ON_DATA[options.name]()
    else:
        workload = WORKLOADS[options.name](options)
    if options.start:
        workload.start_from(options.start)
    serve(workload)


if __name__ == "__main__":
    main()
