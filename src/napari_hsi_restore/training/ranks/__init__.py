"""Learning on several devices at once: one process a device, gradients averaged.

The process of the user, the *leader*, is rank 0. It alone decides, judges, writes and
speaks; the others (`worker`) only compute gradients of batches of their own when they are
told to.
"""
