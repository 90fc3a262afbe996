"""The layers and the optimizer of the stacks in fewer passes over memory. Same function, same gradients."""
