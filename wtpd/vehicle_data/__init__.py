"""Vehicle data: what a VIN or a plate stands for, and what a vehicle is worth, by whoever sells or gives such data.

`ports.py` is the only border: connectors implement `VehicleDataSource`, the store implements `Answers`.
"""
