RELEASE = "first"
