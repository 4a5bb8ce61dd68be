"""The clients and their packages, side by side in build/sdk/<name>: the newest there are, and old ones that are in use."""
import subprocess
import sys
import venv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
PLACE = HERE.parents[1] / "build" / "sdk"

# name: (script, packages)
CLIENTS = {
    "openai-python": ("openai_python.py", ["openai"]),
    "openai-python 1": ("openai_python.py", ["openai<2"]),
    "openai-node": ("openai_node.mjs", ["openai@latest", "zod@latest"]),
    "openai-node 4.104": ("openai_node.mjs", ["openai@4.104.0", "zod@3"]),
    "Vercel AI SDK": ("ai_sdk.mjs", ["ai@latest", "@ai-sdk/openai-compatible@latest", "@ai-sdk/openai@latest", "zod@latest"]),
    "LangChain": ("langchain_python.py", ["langchain-openai"]),
    "litellm": ("litellm_python.py", ["litellm"]),
}


def folder(name):
    return PLACE / name.lower().replace(" ", "-")


def command(name):
    """What runs the client's script."""
    script = CLIENTS[name][0]
    if script.endswith(".py"):
        return [folder(name) / "bin" / "python", "-B", HERE / script]
    for file in (script, "cases.mjs"):  # beside node_modules, so that they find the packages
        (folder(name) / file).write_text((HERE / file).read_text())
    return ["node", folder(name) / script]


def install_python(name, packages):
    if not (folder(name) / "bin" / "python").exists():
        venv.create(folder(name), symlinks=True)
    pip = PLACE / "pip" / "bin" / "python"
    return [pip, "-m", "pip", "--python", folder(name) / "bin" / "python", "install", "-q", "--upgrade", "--no-compile",
            "--disable-pip-version-check", "--only-binary", ":all:", *packages]


def install_node(name, packages):
    folder(name).mkdir(parents=True, exist_ok=True)
    return ["npm", "install", "--silent", "--no-fund", "--no-audit", "--ignore-scripts", "--prefix", folder(name), *packages]


def install(name):
    """What the installer says, if it fails."""
    script, packages = CLIENTS[name]
    make = install_python if script.endswith(".py") else install_node
    result = subprocess.run(make(name, packages), capture_output=True, text=True)
    return f"cannot install {name}:\n{result.stdout}{result.stderr}" if result.returncode else ""


def install_all(names):
    """What failed, a text each. A venv's pip serves them all, for not every Python has one of its own."""
    if not (PLACE / "pip" / "bin" / "pip").exists():
        venv.create(PLACE / "pip", with_pip=True, symlinks=True)
    with ThreadPoolExecutor(2) as pool:
        return [text for text in pool.map(install, names) if text]
