"""Wrong keys of `model: khronos`: exit code 2, a message with the deck's line that names the cure, nothing left behind."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from run_case import Checks, run

checks = Checks()
DECK = """\
model: khronos
case: bad
data:
  function: borehole
  samples: 1000
khronos:
  class: cp
  rank: 2
"""
THERMAL = DECK.replace("function: borehole\n  samples: 1000", "function: thermal_history\n  samples: 40") + "signal:\n  length: 64\n  components: 4\ntrain:\n  ridge: 1e-6\n"


def refused(title, options, patterns, deck=DECK, np=0):
    checks.refused(run(deck, np=np, args=["-check", *options]), patterns, title)


fine = run(DECK, np=0, args=["-check"])
checks.that(fine.exit == 0 and "80 parameters" in fine.out and not fine.files, "the deck without a mistake: 8 * 2 * 5 parameters", fine)
fine = run(THERMAL, np=2, args=["-check"])
checks.that(fine.exit == 0 and "4 inputs, 3 outputs" in fine.out, "and that of thermal histories", fine)

# Where the data come from
refused("no data", [], r"case\.deck:3: .*`data: file`.*`data: function`", deck=DECK.replace("  function: borehole\n", ""))
refused("file and function", ["-data_file", "a.csv"], r"-data_function: .*either file|case\.deck:4: .*either file \(`a\.csv`\) or function")
refused("an unknown function", ["-data_function", "boreholes"], r"-data_function: .*did you mean `borehole`")
refused("a dimension that the function does not have", ["-data_dimension", 7], r"-data_dimension: borehole has 8 inputs, not 7")
refused("a dimension below the function's least", ["-data_function", "friedman1", "-data_dimension", 3], r"-data_dimension: friedman1 .*not 3")
refused("an unknown design", ["-data_design", "latin"], r"-data_design: .*lhs, sobol, random|-data_design: .*lhs\|sobol\|random|-data_design: .*must be one of")
for key, value in (("data_inputs", "rw"), ("data_ignore", "rw"), ("data_missing", "drop"), ("data_split_column", "rw"), ("data_signals", "/signals")):
    refused(f"{key} with a function", [f"-{key}", value], rf"-{key}: `{key[5:]}` belongs to a file")
refused("a target of a function", ["-data_targets", "z"], r"-data_targets: .*one target is y")
for key, value in (("data_noise", 0.1), ("data_samples", 10), ("data_design", "sobol"), ("data_dimension", 3), ("signal_length", 64)):
    refused(f"{key} with a file", ["-data_function=", "-data_file", "a.csv", f"-{key}", value], rf"-{key}: `{key.split('_')[1]}` belongs to a built-in function")
refused("one row", ["-data_samples", 1], r"-data_samples: one row")

# Split
refused("a column for the split of a function", ["-data_split", "column"], r"-data_split: a built-in function has no column for the split")
refused("folds without folds", ["-data_folds", 4], r"-data_folds: `folds` has no effect without `split: folds`")
refused("folds and a test share", ["-data_split", "folds", "-data_test", 0.2], r"-data_test: .*every row is in the test once")
refused("more folds than pairs of rows", ["-data_split", "folds", "-data_folds", 800], r"-data_folds: 800 folds of 1000 rows")
refused("nothing left for training", ["-data_validation", 0.5, "-data_test", 0.5], r"-data_validation: .*below 1")
refused("no rows for the test", ["-data_samples", 100, "-data_test", 0.001], r"-data_test: 0 of 100 rows are for the test")
refused("no rows for validation", ["-data_samples", 100, "-data_validation", 0.001], r"-data_validation: 0\.001 of 100 rows is no row")
refused("early stopping without validation", ["-train_patience", 5], r"-train_patience: `patience` needs validation rows")

# Inputs
ITEM = DECK + "input:\n  - rw: {domain: [0.1, 0.05]}\n"
refused("a reversed domain", [], r"case\.deck:10: .*reversed", deck=ITEM)
refused("half a domain", [], r"case\.deck:10: .*two numbers", deck=ITEM.replace("0.1, 0.05", "0.1"))
refused("an unknown input", [], r"case\.deck:10: `tw` is no input; did you mean `tu`|case\.deck:10: `tw` is no input; did you mean `rw`", deck=ITEM.replace("rw:", "tw:").replace("0.1, 0.05", "1, 2"))
refused("an input twice", [], r"case\.deck:11: `rw` and `radius` are the same input `rw`", deck=ITEM.replace("0.1, 0.05", "1, 2") + "  - radius: {column: rw}\n")
refused("a logarithm of a domain from below 0", [], r"case\.deck:10: `hl`: the smallest value is -1: a logarithm", deck=ITEM.replace("rw: {domain: [0.1, 0.05]", "hl: {domain: [-1, 820], scale: log"))
refused("a domain on which the function is not finite", [], r"borehole is not finite everywhere", deck=ITEM.replace("0.1, 0.05", "-1, 0.05"))

# The class
for kind in ("tucker", "tensor_train"):
    refused(f"{kind} with an activation", ["-khronos_class", kind, "-khronos_activation", "tanh"], r"-khronos_activation: `activation` belongs to classes with products")
    refused(f"{kind} with weights", ["-khronos_class", kind, "-khronos_weights", "learned"], r"-khronos_weights: `weights` belongs to classes with products")
    refused(f"{kind} with an interaction", ["-khronos_class", kind, "-khronos_interaction", 2], r"-khronos_interaction: `interaction` belongs to classes with products")
refused("additive with an interaction", ["-khronos_class", "additive", "-khronos_interaction", 2], r"-khronos_interaction: `interaction` belongs to class cp")
refused("an interaction of more inputs than there are", ["-khronos_interaction", 9], r"-khronos_interaction: interaction of 9 inputs, and there are 8")
refused("an unknown class", ["-khronos_class", "cpd"], r"-khronos_class: .*did you mean `cp`")
refused("too many products", ["-khronos_interaction", 7, "-khronos_rank", 4096], r"-khronos_interaction: more than 65,536 products")
refused("a core that is too large", ["-khronos_class", "tucker", "-khronos_rank", 10], r"-khronos_rank: .*core .*lower the rank")
refused("classes of a function", ["-khronos_task", "classification"], r"-khronos_task: `borehole` has no classes")
refused("degree 6", ["-khronos_degree", 6], r"-khronos_degree: .*1\.\.5")
refused("ALS with an activation", ["-train_method", "als", "-khronos_activation", "tanh"], r"-train_method: als .*activation: identity")
# 1000 rows, 700 for training; 8 * 5 functions per product: 17 products, or 1 cell at rank 29
refused("more parameters than rows", ["-khronos_rank", 29], r"-khronos_rank: 1160 parameters cannot be learned from 700 training rows: rank 17 would do, or set `train: ridge` above 0")
refused("more parameters than rows, one product", ["-khronos_rank", 1, "-khronos_cells", 200], r"1616 parameters .* 85 cells would do")
refused("the same with folds", ["-khronos_rank", 29, "-data_split", "folds", "-data_folds", 2], r"1160 parameters .* 500 training rows \(of the smallest fold\): rank 12 would do")
ridge = run(DECK, np=0, args=["-check", "-khronos_rank", 29, "-train_ridge", 1e-3])
checks.that(ridge.exit == 0, "a ridge allows it", ridge)

# Signals
refused("stages without signals", ["-signal_components", 3], r"-signal_components: `components` belongs to signals")
refused("the length of signals without signals", ["-signal_length", 64], r"-signal_length: `length` belongs to thermal_history")
refused("components and variance", ["-signal_variance", 0.9], r"-signal_variance: .*give one of the two", deck=THERMAL)
refused("more components than signals", ["-signal_components", 32, "-data_samples", 30], r"-signal_components: 32 principal components of 21 signals", deck=THERMAL)
refused("a wavelet that GSL does not have", ["-signal_order", 5], r"-signal_wavelet: .*order 5|: no Daubechies wavelets of order 5", deck=THERMAL)
refused("more coefficients than times", ["-signal_keep", 100], r"-signal_keep: .*64", deck=THERMAL)
refused("the order of no wavelet", ["-signal_wavelet", "none", "-signal_order", 4], r"-signal_order: `order` belongs to a wavelet", deck=THERMAL)
refused("an unknown property", ["-data_targets", "yz"], r"-data_targets: `yz` is no property of thermal_history; did you mean `ys`", deck=THERMAL)
refused("noise of thermal histories", ["-data_noise", 0.1], r"-data_noise: `noise` is fixed for thermal_history", deck=THERMAL)

refused("several mistakes at once", ["-data_test", 0.95, "-khronos_class", "tucker", "-khronos_activation", "exp", "-train_patience", 3, "-signal_keep", 4],
        [r"-data_test: ", r"-khronos_activation: ", r"-train_patience: ", r"-signal_keep: "], np=2)
refused("a question to a file that is no model", ["-restart", "case.deck", "-predict", "a.csv"], r"-restart: .*case\.deck")
checks.end()
