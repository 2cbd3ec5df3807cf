# shellcheck shell=bash
verb_smoke() { :; }
