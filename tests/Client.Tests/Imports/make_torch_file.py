"""Writes a file as torch.save does, by Python's own pickle: usage: make_torch_file.py FILE.

Classes of torch are stood in for by names alone, so that the pickle has torch's opcodes and no torch is needed. It holds a
state_dict under the key "model", as training scripts do, with a wrapped name, a transposed matrix, a tensor within a larger
storage, and each type of numbers with a fraction.
"""

import collections
import io
import pickle
import struct
import sys
import types
import zipfile


def named(module, name):
    """A class that pickles as a reference to module.name."""
    parts = module.split(".")
    for i in range(len(parts)):
        path = ".".join(parts[: i + 1])
        sys.modules.setdefault(path, types.ModuleType(path))
    made = type(name, (), {"__module__": module, "__qualname__": name})
    setattr(sys.modules[module], name, made)
    return made


class Storage:
    def __init__(self, kind, key, content, count):
        self.kind, self.key, self.content, self.count = kind, key, content, count


class Tensor:
    def __init__(self, storage, offset, size, stride):
        self.arguments = (storage, offset, size, stride, False, collections.OrderedDict())

    def __reduce__(self):
        return rebuild, self.arguments


def rebuild(*_):
    raise NotImplementedError


rebuild.__module__, rebuild.__qualname__, rebuild.__name__ = "torch._utils", "_rebuild_tensor_v2", "_rebuild_tensor_v2"
named("torch._utils", "x")
sys.modules["torch._utils"]._rebuild_tensor_v2 = rebuild
kinds = {name: named("torch", name) for name in ("FloatStorage", "DoubleStorage", "HalfStorage", "BFloat16Storage")}


class Pickler(pickle.Pickler):
    def persistent_id(self, value):
        if isinstance(value, Storage):
            return ("storage", kinds[value.kind], value.key, "cpu", value.count)
        return None


def bf16(values):
    return b"".join(struct.pack("<f", value)[2:] for value in values)


storages = [
    Storage("FloatStorage", "0", struct.pack("<6f", 1, 2, 3, 4, 5, 6), 6),
    Storage("FloatStorage", "1", struct.pack("<6f", 1, 4, 2, 5, 3, 6), 6),
    Storage("FloatStorage", "2", struct.pack("<8f", 0, 0, 7, 8, 9, 0, 0, 0), 8),
    Storage("DoubleStorage", "3", struct.pack("<2d", 0.5, -0.25), 2),
    Storage("HalfStorage", "4", struct.pack("<2e", 1.5, -2), 2),
    Storage("BFloat16Storage", "5", bf16([3, -0.5]), 2),
]
state = collections.OrderedDict(
    [
        ("_orig_mod.plain", Tensor(storages[0], 0, (2, 3), (3, 1))),
        ("_orig_mod.transposed", Tensor(storages[1], 0, (2, 3), (1, 2))),
        ("_orig_mod.within", Tensor(storages[2], 2, (3,), (1,))),
        ("_orig_mod.double", Tensor(storages[3], 0, (2,), (1,))),
        ("_orig_mod.half", Tensor(storages[4], 0, (2,), (1,))),
        ("_orig_mod.bfloat16", Tensor(storages[5], 0, (2,), (1,))),
    ]
)
state._metadata = collections.OrderedDict([("", {"version": 1})])
tree = io.BytesIO()
Pickler(tree, protocol=2).dump({"step": 7, "model": state, "losses": [1.5, 1.25]})
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_STORED) as archive:
    archive.writestr("archive/data.pkl", tree.getvalue())
    archive.writestr("archive/byteorder", "little")
    for storage in storages:
        archive.writestr(f"archive/data/{storage.key}", storage.content)
    archive.writestr("archive/version", "3\n")
