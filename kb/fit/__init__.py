"""Does this dataset, this pretrained model, suit our data? Measured on a sample, not guessed."""
