"""Tests; a package, so that spawned processes can import its helpers."""
