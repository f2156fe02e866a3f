assert machines == []
