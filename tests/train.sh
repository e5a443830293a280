#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs a test with a Python that has torch: Debian's own, where another one hides it.
for python in python3 /usr/bin/python3; do
    $python -c 'import torch' 2>/dev/null && exec $python "$@"
done
echo "skipped: no Python here has torch (Debian: python3-torch)"
exit 77
