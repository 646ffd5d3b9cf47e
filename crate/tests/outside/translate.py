"""PyTorch's samples in the form of this crate's operations.

A translation names our operation, its inputs and configuration, and keeps the call of PyTorch's
function on them. What ours wants otherwise is made so on both sides: a batch dimension, a sequence
as an image of one row, numbers for what is left to a default. `Unmappable` says what ours lacks.
"""

import dataclasses
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence


class Unmappable(Exception):
    """Why a sample has no form here."""


@dataclasses.dataclass
class Translation:
    """A sample in our form. `function(**inputs)` calls PyTorch and returns the output, or a
    dictionary of outputs, in our form; `ids` are whole numbers, which have no gradient."""

    operation: str
    inputs: dict
    function: Callable
    config: dict = dataclasses.field(default_factory=dict)
    ids: dict = dataclasses.field(default_factory=dict)


def given(**inputs):
    """Those that are not None."""
    return {name: tensor for name, tensor in inputs.items() if tensor is not None}


def numbers(value, rank):
    """One number for all axes, or one for each."""
    values = [value] if isinstance(value, int) else list(value)
    return values * rank if len(values) == 1 else values


def refuse(condition, reason):
    if condition:
        raise Unmappable(reason)


def activation(torch_function, kind):
    def translate(sample):
        config = kind(**sample.kwargs) if callable(kind) else kind
        function = lambda x: torch_function(x, *sample.args, **sample.kwargs)
        return Translation("activation", {"x": sample.input}, function, {"activation": config})

    return translate


def log_sigmoid(sample):
    """`-log_sigmoid(-x)`, which is softplus: PyTorch's samples of softplus itself change its form
    with `beta` and `threshold`."""
    function = lambda x: -F.logsigmoid(-x)
    return Translation("activation", {"x": -sample.input}, function, {"activation": "Softplus"})


def softplus(beta=1, threshold=20):
    refuse((beta, threshold) != (1, 20), "softplus with beta and threshold")
    return "Softplus"


def prelu(sample):
    weight = sample.args[0] if sample.args else sample.kwargs["weight"]
    shape = weight.shape
    function = lambda x, weight: F.prelu(x, weight.reshape(shape))
    return Translation("prelu", {"x": sample.input, "weight": weight.reshape(-1)}, function)


def linear(sample):
    weight, bias = (*sample.args, None)[:2]
    refuse(weight.dim() == 1, "linear with one output and no dimension for it")
    x = sample.input.unsqueeze(0) if sample.input.dim() == 1 else sample.input
    return Translation("linear", given(x=x, weight=weight, bias=bias), F.linear)


def convolution(torch_function, rank):
    def translate(sample):
        weight, bias = (*sample.args, None)[:2]
        x, options = sample.input, dict(sample.kwargs)
        batched = x.dim() == rank + 2
        config = {
            name: numbers(options.get(name, default), rank)
            for name, default in (("stride", 1), ("dilation", 1), ("output_padding", 0))
        }
        config["groups"] = options.get("groups", 1)
        padding = options.get("padding", 0)
        if padding == "valid":
            padding = 0
        if padding == "same":
            zeros = [d * (k - 1) for d, k in zip(config["dilation"], weight.shape[2:])]
            refuse(any(n % 2 for n in zeros), "padding 'same' with more zeros on one side")
            padding = [n // 2 for n in zeros]
        config["padding"] = numbers(padding, rank)

        def function(x, weight, bias=None):
            if batched:
                return torch_function(x, weight, bias, **options)
            return torch_function(x.squeeze(0), weight, bias, **options).unsqueeze(0)

        inputs = given(x=x if batched else x.unsqueeze(0), weight=weight, bias=bias)
        return Translation(torch_function.__name__, inputs, function, config)

    return translate


def in_two_dimensions(x, rank):
    """Two functions: from the sample's shape to `[batch, channels, height, width]`, and back."""
    batched = x.dim() == rank + 2

    def image(x):
        x = x if batched else x.unsqueeze(0)
        return x.unsqueeze(2) if rank == 1 else x

    def original(x):
        x = x.squeeze(2) if rank == 1 else x
        return x if batched else x.squeeze(0)

    return image, original


def pool(kind, rank, names, torch_function):
    def translate(sample):
        x = sample.input
        options = dict(zip(names, sample.args)) | sample.kwargs
        refuse(options.pop("return_indices", False), "pooling that returns indices")
        dilation = numbers(options.get("dilation", 1), rank)
        refuse(any(n != 1 for n in dilation), "dilation in pooling")
        refuse(options.get("divisor_override") is not None, "divisor_override in pooling")
        kernel = numbers(options["kernel_size"], rank)
        stride = options.get("stride")
        stride = kernel if stride in (None, ()) else numbers(stride, rank)
        padding = numbers(options.get("padding", 0), rank)
        first = [1] if rank == 1 else []
        config = {
            "kernel": first + kernel,
            "stride": first + stride,
            "padding": [0] * len(first) + padding,
            "ceil_mode": bool(options.get("ceil_mode")),
            "count_padding": options.get("count_include_pad", True),
        }
        image, original = in_two_dimensions(x, rank)
        function = lambda x: image(torch_function(original(x), **options))
        return Translation(kind, {"x": image(x)}, function, config)

    return translate


WINDOW = ("kernel_size", "stride", "padding")
MAX_POOL = (*WINDOW, "dilation", "ceil_mode")
AVG_POOL = (*WINDOW, "ceil_mode", "count_include_pad", "divisor_override")


def interpolate(kind):
    def translate(sample):
        options = dict(sample.kwargs)
        if sample.args:
            options["size"] = sample.args[0]
        x = sample.input
        rank = x.dim() - 2
        refuse(rank == 3, "resizing of volumes")
        refuse(options.get("antialias"), "resizing with antialias")
        factor, size = options.get("scale_factor"), options.get("size")
        if size is None:
            factors = [factor] * rank if isinstance(factor, (int, float)) else list(factor)
            recomputed = options.get("recompute_scale_factor")
            whole = all(float(f).is_integer() for f in factors)
            refuse(not recomputed and not whole, "positions by a fractional scale factor")
            size = [int(n * f) for n, f in zip(x.shape[2:], factors)]
        config = {
            "size": ([1] if rank == 1 else []) + numbers(size, rank),
            "align_corners": bool(options.get("align_corners")),
        }
        image, original = in_two_dimensions(x, rank)
        function = lambda x: image(F.interpolate(original(x), **options))
        return Translation(kind, {"x": image(x)}, function, config)

    return translate


def upsample(kind, **added):
    def translate(sample):
        sample.kwargs = sample.kwargs | added
        return interpolate(kind)(sample)

    return translate


def softmax(kind, torch_function):
    def translate(sample):
        refuse(sample.kwargs.get("dtype"), "softmax into another element type")
        dim = sample.args[0] if sample.args else sample.kwargs["dim"]
        x = sample.input
        refuse(x.dim() == 0, "softmax of one number without dimension")
        function = lambda x: torch_function(x, dim)
        return Translation(kind, {"x": x}, function, {"dim": dim % x.dim()})

    return translate


def embedding(sample):
    table, ids, options = sample.input, sample.args[0], dict(sample.kwargs)
    refuse(options.get("max_norm") is not None, "embedding with max_norm")
    refuse(options.get("scale_grad_by_freq"), "embedding with scale_grad_by_freq")
    options.pop("sparse", None)  # another way to keep the same gradient
    padding = options.get("padding_idx")
    if padding is not None:
        padding %= table.shape[0]
    # Our padding is a row of zeros; PyTorch only leaves its gradient out.
    if padding is not None:
        table = table.clone()
        table[padding] = 0
    function = lambda weight: F.embedding(ids, weight, **options)
    return Translation("embedding", {"weight": table}, function, {"padding": padding}, {"ids": ids})


def layer_norm(sample, *, native=False):
    shape, weight, bias = (*sample.args, None, None)[:3]
    epsilon = sample.args[3] if native else sample.kwargs.get("eps", 1e-5)
    refuse(epsilon < 0, "a negative epsilon")
    inputs = {
        "x": sample.input,
        "weight": torch.ones(shape) if weight is None else weight,
        "bias": torch.zeros(shape) if bias is None else bias,
    }
    function = lambda x, weight, bias: F.layer_norm(x, shape, weight, bias, epsilon)
    return Translation("layer_norm", inputs, function, {"epsilon": epsilon})


def batch_norm(sample, *, native=False):
    x, options = sample.input, dict(sample.kwargs)
    if native:
        weight, bias, mean, variance, training, momentum, epsilon = sample.args
    else:
        mean, variance, weight, bias = (*sample.args, None, None)[:4]
        training = options.get("training", False)
        momentum, epsilon = options.get("momentum", 0.1), options.get("eps", 1e-5)
    refuse(not 2 <= x.dim() <= 4, "batch norm of one dimension, or of more than four")
    refuse(epsilon < 0, "a negative epsilon")
    channels = x.shape[1]
    refuse(training and x.numel() < 2 * channels, "batch norm of nothing")
    inputs = {
        "x": x,
        "weight": torch.ones(channels) if weight is None else weight,
        "bias": torch.zeros(channels) if bias is None else bias,
    }
    moves = training and mean is not None and momentum is not None and 0 <= momentum <= 1
    if moves or not training:
        inputs |= {"mean": mean, "variance": variance}

    def function(x, weight, bias, mean=None, variance=None):
        if mean is not None:
            mean, variance = mean.detach().clone(), variance.detach().clone()
        output = F.batch_norm(
            x, mean, variance, weight, bias, training, momentum if moves else 0.0, epsilon
        )
        return {"output": output} | ({"mean": mean, "variance": variance} if moves else {})

    config = {"training": training, "epsilon": epsilon, "momentum": momentum if moves else None}
    return Translation("batch_norm", inputs, function, config)


def cross_entropy(sample):
    logits, targets, options = sample.input, sample.args[0], dict(sample.kwargs)
    weight = options.pop("weight", None)
    refuse(targets.is_floating_point(), "cross-entropy with probabilities as targets")
    batched = logits.dim() > 1
    ignored = options.get("ignore_index", -100)
    counted = targets[targets != ignored]
    total = counted.numel() if weight is None else weight[counted].sum()
    mean = options.get("reduction", "mean") == "mean"
    refuse(mean and total == 0, "the mean of nothing")
    refuse(mean and total < 0, "class weights with a negative sum")
    config = {
        "ignore_index": ignored,
        "label_smoothing": options.get("label_smoothing", 0.0),
        "reduction": options.get("reduction", "mean"),
    }

    def function(logits, class_weights=None):
        logits = logits if batched else logits.squeeze(0)
        weights = None if class_weights is None else class_weights.detach()
        loss = F.cross_entropy(logits, targets, weights, **options)
        return loss if batched or config["reduction"] != "none" else loss.unsqueeze(0)

    inputs = given(logits=logits if batched else logits.unsqueeze(0), class_weights=weight)
    ids = {"targets": targets if batched else targets.unsqueeze(0)}
    return Translation("cross_entropy", inputs, function, config, ids)


def loss(kind, torch_function):
    def translate(sample):
        options = dict(sample.kwargs)
        reduction = options.get("reduction", "mean")
        refuse(options.get("weight") is not None, "a loss with a weight for each element")
        target = sample.args[0]
        refuse(target.shape != sample.input.shape, "a loss of two shapes")
        pos_weight = options.pop("pos_weight", None)

        def function(x, target, pos_weight=None):
            weights = {} if pos_weight is None else {"pos_weight": pos_weight.detach()}
            return torch_function(x, target, **weights, **options)

        inputs = given(x=sample.input, target=target, pos_weight=pos_weight)
        name = kind if pos_weight is None else f"weighted_{kind}"
        return Translation(name, inputs, function, {"reduction": reduction})

    return translate


def recurrent(kind, module_class):
    def translate(sample):
        options = sample.constructor_input.kwargs
        refuse(options.get("proj_size"), "LSTM with projections")
        x, *states = sample.forward_input.args
        states = states[0] if kind == "lstm" and states else states
        # PyTorch's samples are packed, or one sequence without a batch dimension.
        packed = isinstance(x, PackedSequence)
        lengths = None
        if packed:
            x, lengths = pad_packed_sequence(x, batch_first=True)
        else:
            x = x.unsqueeze(0)
        module = module_class(**options | {"batch_first": True}).double()
        weights = {name: weight.detach().float() for name, weight in module.named_parameters()}

        def function(x, hidden=None, cell=None, **weights):
            initial = (hidden, cell) if cell is not None else hidden
            if packed:
                x = pack_padded_sequence(x, lengths, batch_first=True)
            sequence, final = torch.func.functional_call(module, weights, (x, initial))
            if packed:
                sequence, _ = pad_packed_sequence(sequence, batch_first=True)
            final = final if kind == "lstm" else (final,)
            return {"sequence": sequence} | dict(zip(("hidden", "cell"), final))

        states = dict(zip(("hidden", "cell"), (state.unsqueeze(1) for state in states)))
        config = {
            "activation": {"relu": "Relu"}.get(options.get("nonlinearity"), "Tanh"),
            "layers": options["num_layers"],
            "bidirectional": options["bidirectional"],
        }
        ids = {"lengths": lengths} if packed else {}
        return Translation(kind, {"x": x} | states | weights, function, config, ids)

    return translate


OPERATORS = {
    ("nn.functional.relu", ""): activation(F.relu, "Relu"),
    ("nn.functional.leaky_relu", ""): activation(
        F.leaky_relu, lambda negative_slope=0.01: {"LeakyRelu": {"negative_slope": negative_slope}}
    ),
    ("nn.functional.elu", ""): activation(F.elu, lambda alpha=1.0: {"Elu": {"alpha": alpha}}),
    ("nn.functional.selu", ""): activation(F.selu, "Selu"),
    ("nn.functional.gelu", ""): activation(
        F.gelu, lambda approximate="none": "GeluTanh" if approximate == "tanh" else "Gelu"
    ),
    ("sigmoid", ""): activation(torch.sigmoid, "Sigmoid"),
    ("tanh", ""): activation(torch.tanh, "Tanh"),
    ("nn.functional.softplus", ""): activation(F.softplus, softplus),
    ("nn.functional.logsigmoid", ""): log_sigmoid,
    ("nn.functional.prelu", ""): prelu,
    ("nn.functional.linear", ""): linear,
    ("nn.functional.conv1d", ""): convolution(F.conv1d, 1),
    ("nn.functional.conv2d", ""): convolution(F.conv2d, 2),
    ("nn.functional.conv_transpose1d", ""): convolution(F.conv_transpose1d, 1),
    ("nn.functional.conv_transpose2d", ""): convolution(F.conv_transpose2d, 2),
    ("nn.functional.max_pool1d", ""): pool("max_pool2d", 1, MAX_POOL, F.max_pool1d),
    ("nn.functional.max_pool2d", ""): pool("max_pool2d", 2, MAX_POOL, F.max_pool2d),
    ("nn.functional.avg_pool1d", ""): pool("avg_pool2d", 1, AVG_POOL, F.avg_pool1d),
    ("nn.functional.avg_pool2d", ""): pool("avg_pool2d", 2, AVG_POOL, F.avg_pool2d),
    ("nn.functional.interpolate", "nearest"): interpolate("upsample_nearest2d"),
    ("nn.functional.interpolate", "linear"): interpolate("upsample_bilinear2d"),
    ("nn.functional.interpolate", "bilinear"): interpolate("upsample_bilinear2d"),
    ("nn.functional.upsample_nearest", ""): upsample("upsample_nearest2d", mode="nearest"),
    ("nn.functional.upsample_bilinear", ""): upsample(
        "upsample_bilinear2d", mode="bilinear", align_corners=True
    ),
    ("softmax", ""): softmax("softmax", torch.softmax),
    ("softmax", "with_dtype"): softmax("softmax", torch.softmax),
    ("log_softmax", ""): softmax("log_softmax", torch.log_softmax),
    ("log_softmax", "with_dtype"): softmax("log_softmax", torch.log_softmax),
    ("nn.functional.embedding", ""): embedding,
    ("nn.functional.layer_norm", ""): layer_norm,
    ("native_layer_norm", ""): lambda sample: layer_norm(sample, native=True),
    ("nn.functional.batch_norm", ""): batch_norm,
    ("native_batch_norm", ""): lambda sample: batch_norm(sample, native=True),
    ("nn.functional.cross_entropy", ""): cross_entropy,
    ("nn.functional.binary_cross_entropy_with_logits", ""): loss(
        "bce_with_logits", F.binary_cross_entropy_with_logits
    ),
    ("nn.functional.mse_loss", ""): loss("mse", F.mse_loss),
}

MODULES = {
    torch.nn.RNN: recurrent("rnn", torch.nn.RNN),
    torch.nn.GRU: recurrent("gru", torch.nn.GRU),
    torch.nn.LSTM: recurrent("lstm", torch.nn.LSTM),
}
