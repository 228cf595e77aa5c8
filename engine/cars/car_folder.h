// The folder of all shards' car logs. What a shard has there are the stripes of the partitions that it owns, which
// another number of shards divides otherwise: a file tells for how many it was made.
#ifndef GANTRY_ENGINE_CARS_CAR_FOLDER_H
#define GANTRY_ENGINE_CARS_CAR_FOLDER_H

#include "base/bytes.h"
#include "engine/store/store_error.h"

// Makes the folder when it is missing. False with a message: that can't be done, or it was made for another number.
MUST_CHECK bool car_folder_open(const char *dir, unsigned shards, char error[STORE_ERROR_MAX]);

#endif
