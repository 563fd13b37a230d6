"""Hydra's side: composed configurations made typed, typed commands understood, mistakes in a person's words."""
