"""Sequences made by rule: addition, reversal, copying."""

import numpy as np

from jaxdl import _checks
from jaxdl._plain import plain_numbers
from jaxdl.data._dataset import Split
from jaxdl.data._splits import check_seed, split_rows

CHARACTERS = tuple("0123456789+ ")
_PLUS, _SPACE = CHARACTERS.index("+"), CHARACTERS.index(" ")


@plain_numbers
def addition(n: int = 50_000, *, digits: int = 3, reverse: bool = True, seed: int = 0) -> Split:
    """Sums as text, such as ``"535+61 "`` and ``"596 "``, each at most once.

    Each summand has 1 to ``digits`` digits, each length equally likely; a + b and b + a are the
    same question, and no test question occurs in the training part. 90 % are for
    training, 5 % for validation, 5 % for the test.

    Args:
        n: number of questions.
        digits: D, the largest number of digits of a summand.
        reverse: whether questions are written from right to left, which is easier to learn.
        seed: seed of the questions and of the split.

    Returns:
        A Dataset: ``inputs`` int32 (N, 2·D + 1) and ``labels`` int32 (N, D + 1), indices of
        characters, which are named by ``classes``.

    Raises:
        ValueError: if there are fewer than ``n`` questions of this size, or ``digits`` is above
            18, or an argument is out of range.

    Example:
        >>> sums = addition(100, digits=2)
        >>> row = {name: x[0] for name, x in sums.test.items()}
        >>> "".join(sums.classes[i] for i in row["inputs"][::-1]).strip()
        '14+2'
        >>> "".join(sums.classes[i] for i in row["labels"])
        '16 '

    Reference: https://keras.io/examples/nlp/addition_rnn/
    """
    _checks.positive_ints("addition", n=n, digits=digits)
    check_seed("addition", seed)
    if digits > 18:
        raise ValueError(f"addition: digits is {digits}; sums of more than 18 don't fit 64 bits")
    if n > (most := 10**digits * (10**digits + 1) // 2):
        raise ValueError(f"addition: n is {n}; there are {most} questions of {digits} digits")
    pairs = _pairs(np.random.RandomState(seed), n, digits)
    questions = [f"{a}+{b}".ljust(2 * digits + 1) for a, b in pairs]
    answers = [str(a + b).ljust(digits + 1) for a, b in pairs]
    inputs = _tokens(questions)[:, ::-1] if reverse else _tokens(questions)
    about = f"addition: {n:,} sums of numbers of up to {digits} digits"
    return _split(inputs, _tokens(answers), (0.9, 0.05, 0.05), CHARACTERS, about, seed)


@plain_numbers
def reversal(n: int = 61_000, *, length: int = 16, n_tokens: int = 10, seed: int = 0) -> Split:
    """Random tokens, to be returned in reverse order.

    labels[t] = inputs[length − 1 − t]. Of 61,000 rows 50,000 are for training, 1,000 for
    validation and 10,000 for the test; other numbers are split in the same shares.

    Args:
        n: number of sequences.
        length: T, tokens of a sequence.
        n_tokens: number of different tokens.
        seed: seed of the tokens.

    Returns:
        A Dataset: ``inputs`` and ``labels`` int32 (N, length).

    Raises:
        ValueError: if a number isn't a positive integer, or ``seed`` is invalid.

    Example:
        >>> part = reversal(61, length=4).test
        >>> part["inputs"][0], part["labels"][0]
        (array([3, 7, 5, 5], dtype=int32), array([5, 5, 7, 3], dtype=int32))

    Reference:
        UvA deep learning tutorial 6,
        https://uvadlc-notebooks.readthedocs.io/en/latest/tutorial_notebooks/tutorial6/Transformers_and_MHAttention.html
    """
    _checks.positive_ints("reversal", n=n, length=length, n_tokens=n_tokens)
    check_seed("reversal", seed)
    x = np.random.RandomState(seed).randint(0, n_tokens, (n, length)).astype(np.int32)
    about = f"reversal: {n:,} sequences of {length} of {n_tokens} tokens"
    classes = tuple(map(str, range(n_tokens)))
    return _split(x, x[:, ::-1], (50 / 61, 1 / 61, 10 / 61), classes, about, seed)


@plain_numbers
def copy_task(
    n: int = 10_000, *, length: int = 10, delay: int = 50, n_tokens: int = 8, seed: int = 0
) -> Split:
    """Tokens to remember over a delay and to repeat after a marker.

    The input is L tokens, D − 1 blanks, the marker, L blanks; the answer D + L blanks, then the L
    tokens. Without memory the loss is L·ln(n_tokens)/(D + 2·L) per step.

    Args:
        n: number of sequences.
        length: L, number of tokens to remember.
        delay: D, steps between the last of them and the answer.
        n_tokens: number of different tokens, besides blank (0) and the marker (n_tokens + 1).
        seed: seed of the tokens and of the split into 80, 10 and 10 %.

    Returns:
        A Dataset: ``inputs`` and ``labels`` int32 (N, delay + 2·length).

    Raises:
        ValueError: if a number isn't a positive integer, or ``seed`` is invalid.

    Example:
        >>> part = copy_task(10, length=2, delay=3).test
        >>> part["inputs"][0].tolist(), part["labels"][0].tolist()
        ([6, 3, 0, 0, 9, 0, 0], [0, 0, 0, 0, 0, 6, 3])

    Reference:
        Hochreiter and Schmidhuber, "Long short-term memory", 1997; Arjovsky et al., "Unitary
        evolution recurrent neural networks", 2016, https://arxiv.org/abs/1511.06464.
    """
    _checks.positive_ints("copy_task", n=n, length=length, delay=delay, n_tokens=n_tokens)
    check_seed("copy_task", seed)
    tokens = np.random.RandomState(seed).randint(1, n_tokens + 1, (n, length))
    inputs = np.zeros((n, delay + 2 * length), np.int32)
    labels = np.zeros_like(inputs)
    inputs[:, :length] = labels[:, -length:] = tokens
    inputs[:, length + delay - 1] = n_tokens + 1
    classes = ("blank", *map(str, range(1, n_tokens + 1)), "sign")
    about = f"copy_task: {n:,} sequences of {length} tokens to repeat after {delay} steps"
    return _split(inputs, labels, (0.8, 0.1, 0.1), classes, about, seed)


def _pairs(draw: np.random.RandomState, n: int, digits: int) -> np.ndarray:
    """Pairs of summands, (n, 2), no two of them equal up to order."""
    found = np.zeros((0, 2), int)
    while len(found) < n:
        most = 10 ** draw.randint(1, digits + 1, (2 * n, 2))
        # Twice the range is enough bits; the remainder of so large a number is as good as uniform.
        drawn = draw.randint(0, 2**62, (2 * n, 2)) % most
        pairs = np.concatenate([found, drawn])
        _, first = np.unique(np.sort(pairs, axis=1), axis=0, return_index=True)
        found = pairs[np.sort(first)]
    return found[:n]


def _tokens(texts: list[str]) -> np.ndarray:
    codes = np.array([list(text.encode()) for text in texts])
    signs = [codes == ord("+"), codes == ord(" ")]
    return np.select(signs, [_PLUS, _SPACE], codes - ord("0")).astype(np.int32)


def _split(
    inputs: np.ndarray,
    labels: np.ndarray,
    fractions: tuple[float, float, float],
    classes: tuple[str, ...],
    description: str,
    seed: int,
) -> Split:
    cut = np.ascontiguousarray
    rows = {"inputs": cut(inputs), "labels": cut(labels)}
    strata = np.zeros(len(inputs))
    return split_rows(rows, strata, fractions, seed=seed, classes=classes, description=description)
