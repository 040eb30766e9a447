"""Faults that hit where they are aimed, and the broker's word that they did."""
import contextlib
import random
import time

from kafka.admin import KafkaAdminClient


def transaction_state(bootstrap, transactional_id, admin=None):
    """What the coordinator says of this id: Empty, Ongoing, PrepareCommit, CompleteCommit ..."""
    own = admin or KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        said = own.describe_transactions([transactional_id])
        one = said[transactional_id] if isinstance(said, dict) else said[0]
        return one["state"] if isinstance(one, dict) else one.state
    finally:
        if admin is None:
            own.close()


def freeze_in_transaction(worker, transactional_id, bootstrap, seconds=20, rng=random):
    """Leaves the worker frozen while the coordinator holds its transaction open."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            time.sleep(rng.uniform(0.0, 0.05))
            worker.freeze()
            time.sleep(0.01)
            if transaction_state(bootstrap, transactional_id, admin) == "Ongoing":
                return
            worker.thaw()
        raise AssertionError(f"{transactional_id} was never found in a transaction")
    finally:
        admin.close()


def still_open(bootstrap, transactional_id, admin):
    """Twice, apart: a request of a moment ago may still lie before a busy broker."""
    for pause in (0, 0.1):
        time.sleep(pause)
        if transaction_state(bootstrap, transactional_id, admin) != "Ongoing":
            return False
    return True


def kill_in_transaction(worker, transactional_id, bootstrap, seconds=20, rng=random,
                        guard=contextlib.nullcontext()):
    """kill -9 while the coordinator holds the worker's transaction open: freeze it at a random
    moment, ask, and either kill it as it stands or let it go on. The frozen process cannot end the
    transaction between the answer and the kill, so a hit is certain, not likely. Returns whether it
    hit; past the time it is killed wherever it is. guard keeps a supervisor from starting it anew
    before the last question."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            time.sleep(rng.uniform(0.0, 0.05))
            if not worker.running:  # a fault just before this one: its supervisor is about to start it
                continue
            with guard:
                worker.freeze()
                # What it had sent is answered by now: a commit under way would show as PrepareCommit.
                time.sleep(0.01)
                if still_open(bootstrap, transactional_id, admin):
                    worker.kill9()
                    # Still open after its owner's death: no request of its was on the way.
                    return transaction_state(bootstrap, transactional_id, admin) == "Ongoing"
                worker.thaw()
        with guard:
            worker.kill9()
        return False
    finally:
        admin.close()
