"""The lecture's Keras program; its numbers stand beside JAX's in lecture 11.

Command:  KERAS_BACKEND=jax python notebooks/references/keras_mnist.py fashion_mnist [FOLDER]
          KERAS_BACKEND=jax python notebooks/references/keras_mnist.py mnist [FOLDER]
Needs:    keras, and a copy of the data: in FOLDER, as a package of the system, or downloaded by
          ``jaxdl.data.load("mnist", download=True)``
Result:   keras_fashion_mnist.json or keras_mnist.json beside this file: loss and accuracy on the
          test images, over seeds 0 to 4
Time:     two minutes of two cores

The program is the lecture's but for two lines: the data come from jaxdl, and a seed is set.
"""

import json
import sys
from pathlib import Path

import keras
from keras.layers import Dense
from keras.models import Sequential
from keras.utils import to_categorical

from jaxdl import data


def run(dataset, seed):
    """Trains for ten epochs; the history, and loss and accuracy on the test images."""
    keras.utils.set_random_seed(seed)
    X_train, y_train = dataset.train["inputs"], dataset.train["labels"]
    X_test, y_test = dataset.test["inputs"], dataset.test["labels"]

    # Preprocess the data
    X_train = X_train.reshape((X_train.shape[0], -1)).astype("float32") / 255
    X_test = X_test.reshape((X_test.shape[0], -1)).astype("float32") / 255
    y_train = to_categorical(y_train)
    y_test = to_categorical(y_test)

    # Creating a Sequential model
    model = Sequential()

    # Adding layers to the model
    model.add(keras.Input((X_train.shape[1],)))
    model.add(Dense(units=64, activation="relu"))
    model.add(Dense(units=64, activation="relu"))
    model.add(Dense(units=10, activation="softmax"))

    # Compiling the model
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])

    # Training the model
    fitted = model.fit(X_train, y_train, epochs=10, batch_size=128, verbose=0, validation_split=0.2)

    # Evaluating the model
    loss, accuracy = model.evaluate(X_test, y_test, verbose=0)
    print(f"seed {seed}: Test Loss: {loss:.4f} Test Accuracy: {accuracy:.4f}", flush=True)
    return fitted.history, loss, accuracy


def main(name, folder=None):
    """Runs it with five seeds and writes the numbers."""
    dataset = data.load(name, data_dir=folder, download=False)
    histories, losses, accuracies = zip(*(run(dataset, seed) for seed in range(5)), strict=True)
    numbers = {"keras": keras.__version__, "test_loss": losses, "test_accuracy": accuracies}
    numbers |= {f"seed_0_{key}": values for key, values in histories[0].items()}
    file = Path(__file__).with_name(f"keras_{name}.json")
    file.write_text(json.dumps(numbers, indent=1) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
