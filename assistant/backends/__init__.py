"""Engines that turn messages into text: llama.cpp for real models, scripted for tests and the demo."""
