"""What an installation holds, as one document: written, read back, compared and made again through the same verbs."""
