"""The output of a network: rows of states, their raw predictions, and the loss."""


class Output:
    """A readout, a head and a loss.

    The readout decides whether the *rows* of an output are sequences or steps.  Each row has a raw
    prediction, a target and a weight.

    Parameters
    ----------
    name : str
        Prefix of its buffers.
    readout : Pooling or EveryStep
        Turns the states of a shard into rows.
    head : Dense
        Turns rows into raw predictions.
    loss : Loss or None
        The loss that training minimises; None for a network that only predicts.
    """

    def __init__(self, name, readout, head, loss=None):
        self.readout, self.head, self.loss = readout, head, loss
        self.modules = [readout, head]
        self.n_outputs = head.n_outputs
        self._d_raw = f"{name}.d_raw"
        if loss is not None:
            kernels = head.kernels
            self._loss_kernel = getattr(kernels, loss.kernel)
            self._loss_parameters = kernels.to_device(loss.parameters)

    def forward(self, states, shard, packed, workspace, seed=None):
        """Raw predictions of a shard, (n_rows, >= n_outputs), and the saved pass of the readout."""
        saved = self.readout.forward(states, shard, packed, workspace, seed)
        return self.head.forward(saved.rows, packed, workspace), saved

    def loss_gradient(self, raw, feed, loaded, workspace, scale, losses, place):
        """The gradient of the loss of a shard with respect to its raw predictions.

        Parameters
        ----------
        raw : (n_rows, >= n_outputs)
        feed, loaded
            The feed of the training data, and the shard that it loaded.
        scale : float
            One over the sum of the weights of the batch.
        losses : array of float64
            ``losses[place]`` receives the sum of weight times loss over the rows.
        """
        # No loss writes to the padding columns.  They stay zero because nothing else uses this
        # buffer, and because every shard has the same number of columns.
        d_raw = workspace.array(self._d_raw, raw.shape)
        target, weight = self.readout.targets(feed, loaded, workspace)
        self._loss_kernel(raw, target, weight, self._loss_parameters, scale, d_raw, losses, place)
        return d_raw

    def backward(self, d_raw, saved, states, shard, packed, workspace, slot, seed=None):
        """Add the gradients of the parameters to the slot.

        Returns
        -------
        finals, d_states
            Gradients of the states, as returned by `Pooling.backward`.
        """
        d_rows = self.head.backward(d_raw, saved.rows, packed, workspace, slot)
        return self.readout.backward(d_rows, saved, states, shard, packed, workspace, slot, seed)
