"""The agent of a node: makes the controller's spec true in the kernel, and says so."""

__version__ = "0.1.0"
