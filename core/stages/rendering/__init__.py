"""Rendering: cut lists become media files. No stage of its own; silence, export, highlights and merges use it.

`media.look` says what a file is, `spec.Spec` what is wanted, `groups.render` makes it, `verify.verify` proves it.
"""
