// SPDX-License-Identifier: BSD-2-Clause
/*
 * The monotonic counter of the REE file system, kept in secure flash: with
 * it, OP-TEE notices a store that was rolled back, emptied or removed.
 *
 * Two sectors hold logs of records {value, ~value}. The highest whole record
 * is the counter. A record that a power cut tore fails its complement and is
 * skipped. A full log is left as it is while the other one is erased and
 * takes the next record, so the counter is never out of flash.
 */
#include <io.h>
#include <kernel/mutex.h>
#include <kernel/nv_counter.h>
#include <trace.h>

#include "claviger_flash.h"

#define RECORD_SIZE	(2 * sizeof(uint32_t))
#define RECORDS		(CLAVIGER_SECTOR_SIZE / RECORD_SIZE)
#define ERASED		UINT32_MAX

static struct mutex counter_mutex = MUTEX_INITIALIZER;

static struct {
	bool read;
	uint32_t value;
	/* Where the next record goes: log 0 or 1, and its index there. */
	unsigned int log;
	unsigned int next;
} counter;

static vaddr_t log_sector(unsigned int log)
{
	return claviger_flash_sector(CLAVIGER_SECTOR_LOG_A + log);
}

/* Finds the highest record and the first free place after it. */
static TEE_Result read_logs(void)
{
	bool found = false;
	unsigned int log = 0;

	if (counter.read)
		return TEE_SUCCESS;

	for (log = 0; log < 2; log++) {
		vaddr_t sector = log_sector(log);
		bool highest_here = false;
		unsigned int n = 0;

		if (!sector)
			return TEE_ERROR_STORAGE_NOT_AVAILABLE;

		for (n = 0; n < RECORDS; n++) {
			vaddr_t record = sector + n * RECORD_SIZE;
			uint32_t value = io_read32(record);
			uint32_t check = io_read32(record + sizeof(value));

			if (value == ERASED && check == ERASED)
				break;
			if (check == ~value &&
			    (!found || value > counter.value)) {
				found = true;
				highest_here = true;
				counter.value = value;
			}
		}
		if (highest_here || (!found && log == 0)) {
			counter.log = log;
			counter.next = n;
		}
	}

	counter.read = true;
	IMSG("REE FS counter in secure flash: %"PRIu32, counter.value);
	return TEE_SUCCESS;
}

static TEE_Result append(uint32_t value)
{
	vaddr_t record = 0;
	TEE_Result res = TEE_SUCCESS;

	if (counter.next == RECORDS) {
		unsigned int other = 1 - counter.log;

		res = claviger_flash_erase(log_sector(other));
		if (res)
			return res;
		counter.log = other;
		counter.next = 0;
	}

	record = log_sector(counter.log) + counter.next * RECORD_SIZE;
	/* Used up, whatever becomes of it. */
	counter.next++;

	res = claviger_flash_program(record, value);
	if (res)
		return res;

	return claviger_flash_program(record + sizeof(value), ~value);
}

TEE_Result nv_counter_get_ree_fs(uint32_t *value)
{
	TEE_Result res = TEE_SUCCESS;

	mutex_lock(&counter_mutex);
	res = read_logs();
	if (!res)
		*value = counter.value;
	mutex_unlock(&counter_mutex);

	return res;
}

TEE_Result nv_counter_incr_ree_fs_to(uint32_t value)
{
	TEE_Result res = TEE_SUCCESS;

	mutex_lock(&counter_mutex);
	res = read_logs();
	if (!res && value < counter.value)
		res = TEE_ERROR_SECURITY;
	if (!res && value > counter.value) {
		res = append(value);
		if (!res)
			counter.value = value;
	}
	mutex_unlock(&counter_mutex);

	return res;
}
