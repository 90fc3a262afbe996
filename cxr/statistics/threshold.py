"""The probability from which on an image is called pneumonia."""

from sklearn.metrics import roc_curve

from cxr.statistics.metrics import Labels, Probabilities


def choose_threshold(rule: float | str, labels: Labels, probabilities: Probabilities) -> float:
    """The threshold that `rule` asks for, from the labels and probabilities of the validation part.

    A number is itself. `youden` maximises sensitivity + specificity - 1 (Youden 1950); `sensitivity:x` is
    the highest threshold whose sensitivity is at least x.
    """
    if not isinstance(rule, str):
        return rule
    false_positive_rate, true_positive_rate, thresholds = roc_curve(labels, probabilities, drop_intermediate=False)
    if rule == "youden":
        best = int((true_positive_rate - false_positive_rate)[1:].argmax()) + 1
    else:
        best = int((true_positive_rate >= float(rule.removeprefix("sensitivity:"))).argmax())
    return float(thresholds[best])
