"""Own deep families, in torch. What a further one (diffusion, one under DP-SGD) builds on:

- ``encoding``: ``learnt(prepared)`` or, without a look at the rows, ``public(assembly)`` give an ``Encoding``:
  ``cells(positions)`` and ``positions(cells, rng)``, ``sizes``, ``arrays()`` and ``restored(arrays, assembly)``.
- ``networks``: ``Encoder``, ``Decoder`` (plain perceptrons), ``one_hot``, ``surprise`` (cross-entropy), ``divergence``.
- ``training``: a ``Learner`` (modules, optimizers, ``step``) and a ``Plan`` go into ``train(...)``, which tells
  progress, keeps checkpoints and returns ``FitFailed`` or nothing.
- ``storage``: ``weights(module)`` and ``put_back(module, arrays)`` for ``keeping.kept`` and ``opened``.
- ``drawing``: ``DeepModel``, a whole ``FittedModel`` around anything that draws cells (``Network``).
- ``fitting``: a ``Recipe`` (settings, description, network, learner) is all that a further empirical family needs.
- ``collapse``: ``collapsed(real, drawn, sizes)``.
"""
