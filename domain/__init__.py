"""What sales performance means: six areas, each of models, pure rules and actions."""
