from device import loader

loader.run("node.app")
