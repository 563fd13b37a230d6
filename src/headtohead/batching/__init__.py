"""What a batch is: token ids within a budget, batch plans, padded tensors."""
