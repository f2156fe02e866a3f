assert "a" == "b", "letters differ"
