"""What is learned from: files, chats and documents become rows, rows become a dataset."""
