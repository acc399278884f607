"""Holds Hugging Face's transformers to the engine: folders as `slowrun export --format hf` makes them, loaded with trust_remote_code.

    transformers_check.py DIR

DIR is what `Slowrun.Gpu exports DIR` wrote. Of each model: its logits beside the engine's, a generated text that repeats, and the weights that save_pretrained writes beside those that were read, bit by bit.
Of each tokenizer: the tokens of a text, and the text again. Prints one line of JSON; exit code 1 if something differs.
"""
import json
import os
import sys
import tempfile

import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer

LIMIT = 1e-4


def tensors(folder):
    """Names and bytes of a safetensors file, by its published layout."""
    with open(os.path.join(folder, "model.safetensors"), "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.read()
    header.pop("__metadata__", None)
    return {name: data[slice(*entry["data_offsets"])] for name, entry in header.items()}


def check_model(folder, tokens, logits, faults):
    name = os.path.basename(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=True, local_files_only=True).eval()
    ids = torch.tensor([tokens])
    with torch.no_grad():
        found = model(ids).logits[0]
        texts = [model.generate(ids[:, :4], max_new_tokens=8, do_sample=False)[0].tolist() for _ in range(2)]
    expected = torch.tensor(logits).view_as(found)
    error = (found - expected).abs().max().item()
    if not error <= LIMIT:
        faults.append(f"{name}: logits {error:.1e} apart")
    if texts[0] != texts[1] or texts[0][:4] != tokens[:4]:
        faults.append(f"{name}: generated {texts}")
    if not hasattr(model, "members"):
        with tempfile.TemporaryDirectory() as saved:
            model.save_pretrained(saved)
            read, written = tensors(folder), tensors(saved)
            # The block that predicts further ahead is not loaded, so not written.
            lost = [key for key in read if not key.startswith("mtp_") and written.get(key) != read[key]]
            if lost:
                faults.append(f"{name}: written otherwise: {lost[:3]}")
    return error


def check_tokenizer(folder, text, ids, faults):
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    found = tokenizer(text, add_special_tokens=False)["input_ids"]
    if found != ids:
        faults.append(f"{os.path.basename(folder)}: tokens {found[:12]}, expected {ids[:12]}")
    if tokenizer.decode(found, clean_up_tokenization_spaces=False) != text:
        faults.append(f"{os.path.basename(folder)}: the text does not come back")


def main():
    root = sys.argv[1]
    expected = json.load(open(os.path.join(root, "expected.json"), encoding="utf-8"))
    faults, errors = [], []
    attempts = [(check_model, (one["folder"], expected["tokens"], one["logits"])) for one in expected["models"]]
    attempts += [(check_tokenizer, (one["folder"], expected["text"], one["ids"])) for one in expected["tokenizers"]]
    for check, (folder, *rest) in attempts:
        try:
            found = check(os.path.join(root, folder), *rest, faults)
            errors += [] if found is None else [found]
        except Exception as error:  # Whatever it is, the others are still tried.
            faults.append(f"{folder}: {type(error).__name__}: {error}"[:300])
    print(json.dumps({
        "part": "transformers", "name": transformers.__version__, "torch": torch.__version__, "models": len(expected["models"]),
        "largestError": max(errors, default=None), "faults": faults,
    }), flush=True)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
