"""Chooses the number of threads while training runs: on a shared machine one thread is often faster than two."""
import time
import torch


class Threads:
    def __init__(self, most, every=120, trial=4):
        self.most, self.every, self.trial, self.calls = most, every, trial, 0
        self.spent = {}
        torch.set_num_threads(most)
        self.mark = time.time()

    def step(self):
        """Call once per training step."""
        now = time.time()
        took, self.mark = now - self.mark, now
        if self.most == 1:
            return
        phase = self.calls % self.every
        if phase < 2 * self.trial:
            self.spent.setdefault(torch.get_num_threads(), []).append(took)
            torch.set_num_threads(self.most if phase < self.trial else 1)
        elif phase == 2 * self.trial:
            self.spent.setdefault(torch.get_num_threads(), []).append(took)
            best = min(self.spent, key=lambda n: sum(self.spent[n]) / len(self.spent[n]))
            torch.set_num_threads(best)
            self.spent = {}
        self.calls += 1
