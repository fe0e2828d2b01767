"""The shipped decks with shrunken options against recorded figures (expected.json: a commit that changes one says why)."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from run_case import main, need_solver

need_solver()
sys.exit(main([str(pathlib.Path(__file__).with_name("expected.json"))]))
