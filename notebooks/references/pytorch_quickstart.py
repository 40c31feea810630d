"""PyTorch's quickstart on Fashion-MNIST; its numbers stand beside JAX's in lecture 10.

Command:  python notebooks/references/pytorch_quickstart.py FOLDER
          FOLDER holds the four files of Fashion-MNIST, such as train-images-idx3-ubyte.gz
Needs:    torch and NumPy, not jaxdl
Result:   pytorch_quickstart.json beside this file
Time:     a minute of two cores

The model class, the softmax step and both loops are those of the tutorial. What differs is how it
starts: NumPy draws the weights, and so JAX can start from the very same ones.
"""

import gzip
import json
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class NeuralNetwork(nn.Module):
    """784-512-512-10 with relu."""

    def __init__(self):
        super().__init__()
        self.flatten = nn.Flatten()
        self.linear_relu_stack = nn.Sequential(
            nn.Linear(28 * 28, 512),
            nn.ReLU(),
            nn.Linear(512, 512),
            nn.ReLU(),
            nn.Linear(512, 10),
        )

    def forward(self, x):
        """Logits (N, 10) of images (N, 28, 28)."""
        x = self.flatten(x)
        logits = self.linear_relu_stack(x)
        return logits


def train_loop(dataloader, model, loss_fn, optimizer):
    """One pass over the training images."""
    for X, y in dataloader:
        # Compute prediction and loss
        pred = model(X)
        loss = loss_fn(pred, y)

        # Backpropagation
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def test_loop(dataloader, model, loss_fn):
    """Accuracy and mean loss on the test images."""
    num_batches, test_loss, correct = len(dataloader), 0.0, 0
    with torch.no_grad():
        for X, y in dataloader:
            pred = model(X)
            test_loss += loss_fn(pred, y).item()
            correct += (pred.argmax(1) == y).sum().item()
    return correct / len(dataloader.dataset), test_loss / num_batches


def start(model):
    """Draws kernels (n_in, n_out) and biases by NumPy, from PyTorch's own U(±1/√n_in)."""
    random = np.random.RandomState(0)
    with torch.no_grad():
        for layer in model.linear_relu_stack:
            if isinstance(layer, nn.Linear):
                n_out, n_in = layer.weight.shape
                draw = lambda *shape, n=n_in: random.uniform(-(n**-0.5), n**-0.5, shape)
                layer.weight.copy_(torch.from_numpy(draw(n_in, n_out).T))
                layer.bias.copy_(torch.from_numpy(draw(n_out)))


def idx(path, skip):
    """The bytes of an IDX file behind its header."""
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=skip)


def load(folder, part):
    """Images in [0, 1] and labels."""
    images = idx(folder / f"{part}-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28)
    labels = idx(folder / f"{part}-labels-idx1-ubyte.gz", 8)
    return TensorDataset(torch.tensor(images) / 255, torch.tensor(labels).long())


def main(folder):
    """Trains for five epochs and writes what the tutorial prints."""
    training, test = load(folder, "train"), load(folder, "t10k")
    train_dataloader, test_dataloader = (DataLoader(d, batch_size=64) for d in (training, test))
    model = NeuralNetwork()
    start(model)
    X = test.tensors[0][:1]
    pred_probab = nn.Softmax(dim=1)(model(X))
    numbers = {"torch": torch.__version__, "pred_probab": pred_probab[0].tolist()}
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    numbers |= {"accuracy": [], "loss": []}
    for _ in range(5):
        train_loop(train_dataloader, model, loss_fn, optimizer)
        accuracy, loss = test_loop(test_dataloader, model, loss_fn)
        print(f"Accuracy: {100 * accuracy:.1f}%, Avg loss: {loss:.6f}")
        numbers["accuracy"].append(accuracy)
        numbers["loss"].append(loss)
    y_pred = model(X).argmax(1)
    numbers["first"] = y_pred.item()
    Path(__file__).with_suffix(".json").write_text(json.dumps(numbers, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
