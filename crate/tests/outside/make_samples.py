"""Write `samples.safetensors`: PyTorch's own samples of the operators that this crate has too.

    pip install -r requirements.txt
    python make_samples.py

PyTorch tests its operators on samples that it keeps in `torch.testing._internal` (`op_db`, and
`module_db` for recurrent layers). `translate.py` puts each into the form of our operation; those
that have none are counted by reason. Samples are drawn in f32, so that both element types can be
tested with them, and PyTorch computes in f64.

The file holds the values of all inputs in one tensor, of all results in another, and of whole
numbers in a third. `suite` in the metadata is a JSON object with `left_out`, the counts by reason,
and `samples`, a list in the order of the values: objects with `name`, `operation`, `config`, and
`inputs`, `ids` and `outputs`, which are lists of names and shapes. The results of a sample are its
outputs, then the gradient of each input, of the sum of `output * weighting` over those outputs that
are named in `differentiable`; see `weighting`.
"""

import collections
import json
import random
import warnings
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from torch.testing._internal.common_methods_invocations import op_db
from torch.testing._internal.common_modules import module_db

from translate import MODULES, OPERATORS, Unmappable

LARGEST = 600  # numbers in the inputs or the outputs of a sample


def weighting(shape):
    """Multiples of 1/32 between -1 and 1, the same in `main.rs`."""
    numbers = torch.arange(int(np.prod(shape)), dtype=torch.int64)
    return ((numbers * 37 % 64 - 31).double() / 32).reshape(tuple(shape))


def seed():
    random.seed(6202)
    np.random.seed(6202)
    torch.manual_seed(6202)


def drawn():
    """(name, translation or Unmappable) of every sample of an operator that we have."""
    sources = []
    for op in op_db:
        translate = OPERATORS.get((op.name, op.variant_test_name))
        if translate:
            full_name = " ".join(filter(None, (op.name, op.variant_test_name)))
            samples = lambda op=op: op.reference_inputs("cpu", torch.float32)
            sources.append((full_name, samples, translate))
    for module in module_db:
        translate = MODULES.get(module.module_cls)
        if translate:
            # PyTorch's functions leave packed sequences out unless they are asked for.
            packed = {} if module.module_cls is torch.nn.LSTM else {"with_packed_sequence": True}
            samples = lambda module=module, packed=packed: module.module_inputs_func(
                module, "cpu", torch.float32, requires_grad=False, training=True, **packed
            )
            sources.append((module.module_cls.__name__, samples, translate))
    for name, samples, translate in sources:
        seed()
        for number, sample in enumerate(samples()):
            try:
                yield f"{name} {number}", translate(sample)
            except Unmappable as reason:
                yield f"{name} {number}", reason


def evaluate(translation):
    """The inputs as f64, the outputs, and the gradient of each input."""
    inputs = {
        name: tensor.detach().double().clone().requires_grad_()
        for name, tensor in translation.inputs.items()
    }
    outputs = translation.function(**inputs)
    if not isinstance(outputs, dict):
        outputs = {"output": outputs}
    differentiable = [name for name, output in outputs.items() if output.requires_grad]
    objective = sum(
        (outputs[name] * weighting(outputs[name].shape)).sum() for name in differentiable
    )
    gradients = torch.autograd.grad(objective, list(inputs.values()), materialize_grads=True)
    return inputs, outputs, differentiable, gradients


def main():
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    samples, left_out = [], collections.Counter()
    values = {"inputs": [], "results": [], "ids": []}

    def store(kind, tensors):
        for tensor in tensors:
            values[kind].append(tensor.detach().reshape(-1).numpy())

    for name, translation in drawn():
        if isinstance(translation, Unmappable):
            left_out[str(translation)] += 1
            continue
        if sum(tensor.numel() for tensor in translation.inputs.values()) > LARGEST:
            left_out["large"] += 1
            continue
        inputs, outputs, differentiable, gradients = evaluate(translation)
        if sum(tensor.numel() for tensor in outputs.values()) > LARGEST:
            left_out["large"] += 1
            continue
        store("inputs", inputs.values())
        store("ids", translation.ids.values())
        store("results", [*outputs.values(), *gradients])
        shapes = lambda tensors: [(name, list(tensor.shape)) for name, tensor in tensors.items()]
        samples.append(
            {
                "name": name,
                "operation": translation.operation,
                "config": translation.config,
                "inputs": shapes(inputs),
                "ids": shapes(translation.ids),
                "outputs": shapes(outputs),
                "differentiable": differentiable,
            }
        )
    kinds = {"inputs": np.float32, "results": np.float64, "ids": np.int64}
    tensors = {kind: np.concatenate(values[kind]).astype(kinds[kind]) for kind in kinds}
    path = Path(__file__).resolve().parent / "samples.safetensors"
    suite = {"samples": samples, "left_out": left_out}
    save_file(tensors, path, {"suite": json.dumps(suite, separators=(",", ":"))})
    print(f"{len(samples)} samples, {path.stat().st_size / 1024:.0f} KiB")
    for operation, count in sorted(collections.Counter(s["operation"] for s in samples).items()):
        print(f"{count:6} {operation}")
    print(f"{left_out.total()} left out")
    for reason, count in left_out.most_common():
        print(f"{count:6} {reason}")


if __name__ == "__main__":
    main()
