"""Freed memory that stays: seen from the kernel's side, as pages it had to hand out."""

import subprocess
import sys

BUFFER_BYTES = 72 * 2**20
PIECE_BYTES = 2 * 2**20
PROGRAM = """
import resource, sys, threading
from core.system.allocator import give_back, keep_freed_memory, keep_some_freed_memory

if sys.argv[1] == "kept":
    assert keep_freed_memory()
if sys.argv[1] == "some":
    assert keep_some_freed_memory()
size = int(sys.argv[2])

def faults_of(work):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    work()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def use():
    bytearray(size)[::4096] = bytes(size // 4096)

def in_a_thread():
    thread = threading.Thread(target=use)
    thread.start()
    thread.join()

use()
again, elsewhere = faults_of(use), faults_of(in_a_thread)
give_back()
print(again, elsewhere, faults_of(use))
"""


def faults(how: str, size: int = BUFFER_BYTES) -> list[int]:
    done = subprocess.run([sys.executable, "-c", PROGRAM, how, str(size)], check=True, capture_output=True, text=True)
    return [int(number) for number in done.stdout.split()]


def test_a_buffer_that_is_taken_again_costs_no_new_pages_in_any_thread_until_it_is_given_back() -> None:
    again, elsewhere, after = faults("kept")
    pages = BUFFER_BYTES // 4096
    assert again < pages / 100
    assert elsewhere < pages / 100
    assert after > pages / 2


def test_without_it_every_page_is_handed_out_anew() -> None:
    again, *_ = faults("as it comes")
    assert again > BUFFER_BYTES // 4096 / 100


def test_pieces_of_files_that_come_in_cost_no_new_pages_and_large_buffers_are_not_kept() -> None:
    again, *_ = faults("some", PIECE_BYTES)
    assert again < PIECE_BYTES // 4096 / 100
    again, *_ = faults("some")
    assert again > BUFFER_BYTES // 4096 / 2
