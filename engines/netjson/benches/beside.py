"""CPU time of the Python engine for the cases on standard input, in milliseconds by name.

Needs `pip install netjsonconfig==1.3.1`; started by beside.rs. Each run starts from the same input: a fresh object
that merges, puts in variables, validates and renders once.
"""

import json
import sys
import time

from netjsonconfig import OpenWrt


def once(case):
    return OpenWrt(case["config"], templates=case["templates"], context=case["context"]).render()


class Trusting(OpenWrt):
    """Takes any configuration for valid."""

    def validate(self):
        pass


def trusted(case):
    return Trusting(case["config"], templates=case["templates"], context=case["context"]).render()


def generate(case):
    backend = OpenWrt(case["config"], templates=case["templates"], context=case["context"])
    return backend.generate().getvalue()


results = {}
for case in json.load(sys.stdin):
    text = once(case)
    times = {}
    for what, run in (("text", once), ("trusted", trusted), ("archive", generate)):
        started = time.process_time()
        runs = 0
        while runs < 5 or time.process_time() - started < 2:
            run(case)
            runs += 1
        times[what] = (time.process_time() - started) / runs * 1000
    results[case["name"]] = {"output": text, **times}
json.dump(results, sys.stdout)
